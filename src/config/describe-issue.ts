import * as z from "zod";
import { nearestName } from "../domain/nearest.ts";
import type { Problem } from "./mistakes.ts";
import { boundsAt, formsAt, keysAt, titleAt } from "./schema-walk.ts";
import type { SourcePath } from "./source.ts";

/** One mistake that a schema found: at a value, or at a key. */
export interface SchemaMistake {
  readonly path: SourcePath;
  readonly at: "key" | "value";
  readonly problem: Problem;
}

type Issue = z.core.$ZodIssue;

const typeWords: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "a map of keys",
  record: "a map of keys",
  array: "a list",
};

/** Values under such keys are never repeated in a message. */
const secretKey = /password|secret|token|credential/i;

/** A value of a mapping file as a message shows it. */
function show(value: unknown, path: SourcePath): string {
  if (path.some((key) => secretKey.test(String(key)))) return "this";
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "a map of keys";
  return String(value);
}

function valueAt(input: unknown, path: SourcePath): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

/** What a schema found wrong with `input`, in an operator's words. `under` is where the input stands in its file. */
export function describeIssue(
  schema: z.core.$ZodType,
  issue: Issue,
  input: unknown,
  under: SourcePath,
): readonly SchemaMistake[] {
  const local = issue.path as SourcePath;
  const path = [...under, ...local];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      path: [...path, key],
      at: "key",
      problem: describeKey(schema, local, key, valueAt(input, local)),
    }));
  }
  if (issue.code === "invalid_key") {
    const key = local.at(-1);
    return [{ path, at: "key", problem: refused(show(key, []), issue.issues[0]?.message ?? issue.message) }];
  }
  if (issue.code === "invalid_union" && issue.discriminator === undefined) {
    return describeUnion(schema, issue, input, under);
  }
  return [{ path, at: "value", problem: describeValue(schema, issue, input, path) }];
}

/** A key that the map can't have, or not in the form that it has: `baud` beside `transport: tcp`. */
function describeKey(schema: z.core.$ZodType, at: SourcePath, key: string, map: unknown): Problem {
  const forms = formsAt(schema, at);
  const holds = (name: string, value: unknown) => valueAt(map, [name]) === value;
  const form =
    forms.length < 2
      ? undefined
      : forms.find(({ told }) => told.size > 0 && [...told].every(([name, value]) => holds(name, value)));
  const allowed = (form?.keys ?? keysAt(schema, at)).filter((one) => one !== "$schema");
  const choice = [...(form?.told ?? [])].map(([name, value]) => `${name}: ${String(value)}`).join(", ");
  const elsewhere = form !== undefined && forms.some(({ keys }) => keys.includes(key));
  return {
    message: elsewhere ? `"${key}" has no meaning with ${choice}` : `unknown key "${key}"`,
    allowed: allowed.join(", "),
    meant: elsewhere ? undefined : nearestName(key, allowed),
  };
}

/** Of a choice between forms, the one that the file comes nearest to is spoken of. */
function describeUnion(
  schema: z.core.$ZodType,
  issue: z.core.$ZodIssueInvalidUnion,
  input: unknown,
  under: SourcePath,
): readonly SchemaMistake[] {
  const local = issue.path as SourcePath;
  const depth = (branch: readonly Issue[]) => Math.min(...branch.map((one) => one.path.length));
  const inner = [...issue.errors].sort((left, right) => depth(right) - depth(left))[0];
  if (inner !== undefined && inner.length > 0 && depth(inner) > 0) {
    return inner.flatMap((one) =>
      describeIssue(schema, { ...one, path: [...issue.path, ...one.path] }, input, under),
    );
  }
  const forms = issue.errors.flat().map((one) => allowedBy(schema, one, local, input));
  const allowed = [...new Set(forms.filter((form) => form !== undefined))].join(", or ");
  const path = [...under, ...local];
  const message = wrong(valueAt(input, local), path, undefined);
  return [{ path, at: "value", problem: { message, allowed } }];
}

function wrong(value: unknown, path: SourcePath, title: string | undefined): string {
  if (value === undefined) return "is missing";
  if (value === null) return "has no value";
  return title === undefined
    ? `${show(value, path)} is not allowed here`
    : `${show(value, path)} is not ${/^[aeiou]/i.test(title) ? "an" : "a"} ${title}`;
}

function refused(shown: string, message: string): Problem {
  const expected = /^expected (.+)$/s.exec(message)?.[1];
  return expected === undefined
    ? { message }
    : { message: `${shown} is not allowed here`, allowed: expected };
}

function titleOf(schema: z.core.$ZodType): string | undefined {
  return z.globalRegistry.get(schema)?.title;
}

function describeValue(schema: z.core.$ZodType, issue: Issue, input: unknown, path: SourcePath): Problem {
  const local = issue.path as SourcePath;
  const value = valueAt(input, local);
  const allowed = allowedBy(schema, issue, local, input);
  const own = issue.code === "custom" ? (issue.params as Partial<Problem> | undefined) : undefined;
  if (issue.code === "custom" && allowed === undefined) {
    return { message: issue.message, allowed: own?.allowed, meant: own?.meant };
  }
  const candidates = choices(issue).map(String);
  return {
    message: wrong(value, path, titleAt(schema, local, titleOf)),
    allowed: own?.allowed ?? allowed,
    meant: own?.meant ?? (typeof value === "string" ? nearestName(value, candidates) : undefined),
  };
}

function choices(issue: Issue): readonly unknown[] {
  if (issue.code === "invalid_value") return issue.values;
  if (issue.code === "invalid_union" && "options" in issue) return issue.options ?? [];
  return [];
}

/** What the schema would have taken, in words; undefined where only the issue's own message tells. */
function allowedBy(
  schema: z.core.$ZodType,
  issue: Issue,
  local: SourcePath,
  input: unknown,
): string | undefined {
  const expected = /^expected (.+)$/s.exec(issue.message)?.[1];
  if (expected !== undefined) return expected;
  if (choices(issue).length > 0) return choices(issue).join(", ");
  if (issue.code === "custom") return undefined;
  const bounds = boundsAt(schema, local, input);
  if (issue.code === "invalid_type") {
    const word = typeWords[issue.expected] ?? issue.expected;
    return bounds === undefined ? word : `${word}, ${bounds}`;
  }
  if (issue.code === "too_small") return bounds ?? atLeast(issue);
  return issue.code === "too_big" ? (bounds ?? atMost(issue)) : issue.message;
}

function counted(origin: string, count: number | bigint): string {
  const unit = origin === "string" ? "character" : origin === "array" ? "entry" : "";
  if (unit === "") return `${count}`;
  return count === 1 ? `${count} ${unit}` : `${count} ${unit.replace(/y$/, "ie")}s`;
}

function atLeast(issue: z.core.$ZodIssueTooSmall): string {
  const limit = counted(issue.origin, issue.minimum);
  return issue.inclusive === false ? `more than ${limit}` : `at least ${limit}`;
}

function atMost(issue: z.core.$ZodIssueTooBig): string {
  const limit = counted(issue.origin, issue.maximum);
  return issue.inclusive === false ? `less than ${limit}` : `at most ${limit}`;
}
