import type * as z from "zod";
import { describeIssue, type SchemaMistake } from "./describe-issue.ts";
import type { Mistakes } from "./mistakes.ts";
import {
  isBelow,
  keyPlace,
  plainValue,
  sourceAt,
  valuePlace,
  type Source,
  type SourcePath,
} from "./source.ts";
import { standInAt } from "./stand-in.ts";

/** What of a part of a file can be used. */
export interface Validated<T> {
  readonly value: T;
  /** What was wrong, and so was left out or replaced: what is derived from it may be wrong too. */
  readonly leftOut: readonly SourcePath[];
  /** Those of them in whose place a value was made up, as there must be one. */
  readonly madeUp: readonly SourcePath[];
}

/** Mistakes that only show once others are out of the way are found in further rounds. */
const mostRounds = 16;

const missing = "is missing";

/** The schemas pass over a key of this name without a word: what it holds would be gone. */
const unusable = "__proto__";

function refuseUnusable(source: Source, part: Source, path: SourcePath, mistakes: Mistakes): void {
  if (part.kind === "list")
    for (const [index, item] of part.items.entries())
      refuseUnusable(source, item, [...path, index], mistakes);
  if (part.kind !== "map") return;
  for (const [key, { value }] of part.entries) {
    const own = [...path, key];
    if (key === unusable)
      mistakes.add(keyPlace(source, own), own, {
        message: `nothing can be called ${unusable}`,
        allowed: "another name",
      });
    else refuseUnusable(source, value, own, mistakes);
  }
}

/**
 * Validates the part of a file at `path`, and says what is wrong with it. Wrong parts are then left out or replaced by
 * stand-ins, so that what remains can be checked further; undefined where too little remains. Where not all of the part
 * could be read (`partly`), nothing is said to be missing.
 */
export function validate<T>(
  schema: z.ZodType<T>,
  source: Source,
  path: SourcePath,
  mistakes: Mistakes,
  partly = false,
): Validated<T> | undefined {
  const part = sourceAt(source, ...path);
  if (part !== undefined) refuseUnusable(source, part, path, mistakes);
  const input = part === undefined ? undefined : plainValue(part);
  const leftOut: SourcePath[] = [];
  const madeUp: SourcePath[] = [];
  const unsettled: SourcePath[] = [];
  for (let round = 0; round < mostRounds; round += 1) {
    const result = schema.safeParse(input);
    if (result.success) return { value: result.data, leftOut, madeUp };
    const found = result.error.issues.flatMap((issue) => describeIssue(schema, issue, input, path));
    const told = new Set<string>();
    for (const mistake of withoutEchoes(found)) {
      const local = mistake.path.slice(path.length);
      if (partly && mistake.problem.message === missing) continue;
      if (leftOut.some((one) => samePath(one, local)) || isTold(source, mistake.path)) continue;
      if (isOfOtherForm(mistake, local, unsettled) || isEcho(mistake, local, leftOut)) continue;
      // A value of the wrong type may break rules on its length as well.
      const once = JSON.stringify([local, mistake.problem.message]);
      if (told.has(once)) continue;
      told.add(once);
      const place = mistake.at === "key" ? keyPlace(source, mistake.path) : valuePlace(source, mistake.path);
      mistakes.add(place, mistake.path, mistake.problem);
    }
    for (const issue of result.error.issues) {
      if (issue.code === "invalid_union" && issue.discriminator !== undefined) {
        unsettled.push((issue.path as SourcePath).slice(0, -1));
      }
    }
    for (const one of found) {
      const wrong = one.path.slice(path.length);
      const repaired = repair(schema, input, wrong);
      if (repaired === undefined) return undefined;
      leftOut.push(wrong, repaired.path);
      if (repaired.madeUp) madeUp.push(repaired.path);
      const { meant } = one.problem;
      if (one.at === "key" && meant !== undefined) leftOut.push([...wrong.slice(0, -1), meant]);
    }
  }
  return undefined;
}

function samePath(left: SourcePath, right: SourcePath): boolean {
  return left.length === right.length && isBelow(left, right);
}

/** Why nothing could be read there was told where it was read. */
function isTold(source: Source, path: SourcePath): boolean {
  const found = sourceAt(source, ...path);
  return found?.kind === "scalar" && found.told === true;
}

/** Which keys a map has hangs on its form: while that is wrong, none is said to be missing or unknown. */
function isOfOtherForm(mistake: SchemaMistake, local: SourcePath, unsettled: readonly SourcePath[]): boolean {
  if (mistake.at !== "key" && mistake.problem.message !== missing) return false;
  return unsettled.some((map) => local.length > map.length && isBelow(local, map));
}

/** A map that is told to lack what was taken out of it, for a mistake that is told already. */
function isEcho({ at }: SchemaMistake, local: SourcePath, leftOut: readonly SourcePath[]): boolean {
  return at === "value" && leftOut.some((one) => one.length === local.length + 1 && isBelow(one, local));
}

/** A key that is missing because it is misspelt is one mistake, not two; nor is a map told to lack it. */
function withoutEchoes(found: readonly SchemaMistake[]): readonly SchemaMistake[] {
  const misspelt = found.filter((one) => one.at === "key" && one.problem.meant !== undefined);
  const meant = misspelt.map((one) => [...one.path.slice(0, -1), one.problem.meant ?? ""]);
  const told = misspelt.map((one) => one.path);
  return found.filter(
    (one) =>
      !isEcho(one, one.path, told) &&
      (one.problem.message !== missing || !meant.some((path) => samePath(path, one.path))),
  );
}

interface Repaired {
  readonly path: SourcePath;
  readonly madeUp: boolean;
}

/**
 * Takes the value at a path out, or puts a stand-in where there must be one; where there is none, the same with the map
 * that holds it. Undefined where that leaves nothing.
 */
function repair(schema: z.core.$ZodType, input: unknown, path: SourcePath): Repaired | undefined {
  const last = path.at(-1);
  if (last === undefined) return undefined;
  let holder = input;
  for (const key of path.slice(0, -1)) holder = isHolder(holder) ? holder[key] : undefined;
  // An earlier repair of the same round may have taken the holder away.
  if (!isHolder(holder)) return { path, madeUp: false };
  if (last in holder && !Array.isArray(holder)) {
    delete holder[last];
    return { path, madeUp: false };
  }
  const standIn = standInAt(schema, path);
  if (standIn === undefined) return repair(schema, input, path.slice(0, -1));
  holder[last] = standIn;
  return { path, madeUp: true };
}

function isHolder(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}
