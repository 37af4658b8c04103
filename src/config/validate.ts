import type * as z from "zod";
import { describeIssue, type SchemaMistake } from "./describe-issue.ts";
import type { Mistakes } from "./mistakes.ts";
import { keyPlace, plainValue, sourceAt, valuePlace, type Source, type SourcePath } from "./source.ts";

/** What of a part of a file can be used. */
export interface Validated<T> {
  readonly value: T;
  /** What was wrong, and so was left out or replaced: what is derived from it may be wrong too. */
  readonly leftOut: readonly SourcePath[];
}

/** Values by key to go on with where a key that must be there is missing or wrong. */
export type StandIns = Readonly<Record<string, unknown>>;

/** Mistakes that only show once others are out of the way are found in further rounds. */
const mostRounds = 8;

/**
 * Validates the part of a file at `path`, and says what is wrong with it. Wrong parts are then left out or replaced by
 * stand-ins, so that what remains can be checked further; undefined where too little remains.
 */
export function validate<T>(
  schema: z.ZodType<T>,
  source: Source,
  path: SourcePath,
  mistakes: Mistakes,
  standIns: StandIns = {},
): Validated<T> | undefined {
  const part = sourceAt(source, ...path);
  let input = part === undefined ? undefined : plainValue(part);
  const leftOut: SourcePath[] = [];
  for (let round = 0; round < mostRounds; round += 1) {
    const result = schema.safeParse(input);
    if (result.success) return { value: result.data, leftOut };
    const found = result.error.issues.flatMap((issue) => describeIssue(schema, issue, input, path));
    for (const mistake of withoutEchoes(found)) {
      if (leftOut.some((one) => samePath([...path, ...one], mistake.path))) continue;
      const place = mistake.at === "key" ? keyPlace(source, mistake.path) : valuePlace(source, mistake.path);
      mistakes.add(place, mistake.path, mistake.problem);
    }
    const wrong = found.map((one) => one.path.slice(path.length));
    for (const one of wrong) if (!repair(input, one, standIns)) return undefined;
    input = withoutHoles(input);
    leftOut.push(...wrong);
  }
  return undefined;
}

function samePath(left: SourcePath, right: SourcePath): boolean {
  return left.length === right.length && left.every((key, index) => key === right[index]);
}

/** A key that is missing because it is misspelt is one mistake, not two. */
function withoutEchoes(found: readonly SchemaMistake[]): readonly SchemaMistake[] {
  const meant = found
    .filter((one) => one.at === "key" && one.problem.meant !== undefined)
    .map((one) => [...one.path.slice(0, -1), one.problem.meant ?? ""]);
  return found.filter(
    (one) => one.problem.message !== "is missing" || !meant.some((path) => samePath(path, one.path)),
  );
}

/** Takes the value at a path out, or puts its stand-in there; false where neither can be done. */
function repair(input: unknown, path: SourcePath, standIns: StandIns): boolean {
  let holder = input;
  for (const key of path.slice(0, -1)) {
    if (typeof holder !== "object" || holder === null) return false;
    holder = (holder as Record<string, unknown>)[key];
  }
  const last = path.at(-1);
  if (typeof holder !== "object" || holder === null || last === undefined) return false;
  if (path.length === 1 && Object.hasOwn(standIns, last)) {
    return Reflect.set(holder, last, standIns[last]);
  }
  return last in holder && Reflect.deleteProperty(holder, last);
}

function withoutHoles(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.filter((_, index) => index in value).map(withoutHoles);
  const record = value as Record<string, unknown>;
  for (const key of Object.keys(record)) record[key] = withoutHoles(record[key]);
  return record;
}
