import type { ValueSpec } from "../adapter-kit/mapping.ts";
import { isSegment, segmentForm } from "../domain/tag-path.ts";
import type { Problem } from "./mistakes.ts";
import type { SourcePath } from "./source.ts";
import type { TagEntry } from "./tag-schema.ts";

/** A rule's finding, at a path below the tag; `key` where the key itself is the mistake. */
export interface TagFinding {
  readonly path: SourcePath;
  readonly at: "key" | "value";
  readonly problem: Problem;
}

/** Replies to a write go to the tag's topic with this segment (design §3). */
const replySegment = "reply";

/** What is wrong with a tag's name; undefined where nothing is. */
export function checkTagName(name: string, templates: boolean): Problem | undefined {
  const segments = name.split("/");
  const plain = templates ? segments.map((segment) => segment.replaceAll(/\{[1-9]\d*\}/g, "x")) : segments;
  const shown = JSON.stringify(name);
  if (!plain.every(isSegment)) {
    const wildcard = templates ? ", with {1}, {2}, … for what a wildcard stands for" : "";
    return {
      message: `${shown} is not a tag name`,
      allowed: `segments of ${segmentForm}, joined by /${wildcard}`,
    };
  }
  if (segments.at(-1) === replySegment) {
    return {
      message: `a tag cannot end in "${replySegment}": replies to writes go there`,
      allowed: "another last segment",
    };
  }
  return undefined;
}

/** The rules of a tag that go across its keys and, where it is known, its type. */
export function checkTag(tag: TagEntry, value: ValueSpec | undefined): readonly TagFinding[] {
  const findings = [...checkDeadband(tag), ...checkOrder(tag)];
  if (value === undefined) return findings;
  if (!isNumeric(value)) return [...findings, ...checkMeaning(tag, value)];
  return [...findings, ...checkRange(tag, value)];
}

function finding(
  path: SourcePath,
  message: string,
  allowed: string,
  at: "key" | "value" = "key",
): TagFinding {
  return { path, at, problem: { message, allowed } };
}

function isNumeric(value: ValueSpec): boolean {
  return value.kind === "integer" || value.kind === "float";
}

/** The type as a message names it. */
function kindWord(value: ValueSpec): string {
  if (value.kind === "json") return "a value whose type is not named";
  return value.kind === "boolean" ? "a bool" : "a string";
}

function checkDeadband(tag: TagEntry): readonly TagFinding[] {
  const keys = (["deadband", "deadbandPercent"] as const).filter((key) => tag[key] !== undefined);
  if (keys.length === 2) {
    return [finding(["deadbandPercent"], "deadband and deadbandPercent stand together", "one of them")];
  }
  if (keys.length === 1 || tag.republish === undefined) return [];
  const message = "republish has no meaning without a deadband: every reading goes out";
  return [finding(["republish"], message, "republish beside deadband or deadbandPercent")];
}

function checkOrder(tag: TagEntry): readonly TagFinding[] {
  const { min, max } = tag.write ?? {};
  if (min === undefined || max === undefined || min <= max) return [];
  return [finding(["write", "min"], `min ${min} is above max ${max}`, `a min of at most ${max}`, "value")];
}

/** Keys that only numbers have. */
function checkMeaning(tag: TagEntry, value: ValueSpec): readonly TagFinding[] {
  const plain = (["deadband", "deadbandPercent", "scale", "offset"] as const).filter(
    (key) => tag[key] !== undefined,
  );
  const limits = (["min", "max", "maxStep", "rate", "tolerance"] as const).filter(
    (key) => tag.write?.[key] !== undefined,
  );
  return [...plain.map((key) => [key]), ...limits.map((key) => ["write", key])].map((path) => {
    const key = path.at(-1) ?? "";
    return finding(path, `${key} has no meaning for ${kindWord(value)}`, `${key} on numbers only`);
  });
}

function checkRange(tag: TagEntry, value: ValueSpec): readonly TagFinding[] {
  const range = scaledRange(tag, value);
  if (range === undefined) return [];
  const findings: TagFinding[] = [];
  for (const key of ["min", "max"] as const) {
    const limit = tag.write?.[key];
    // What scaling adds in floating point is no mistake of the mapping's.
    const slack = Math.max(Math.abs(range.low), Math.abs(range.high)) * 1e-9;
    if (limit === undefined || (limit >= range.low - slack && limit <= range.high + slack)) continue;
    const message = `${key} ${limit} is outside what the tag's type can hold, scaled`;
    findings.push(finding(["write", key], message, `${range.low} to ${range.high}`, "value"));
  }
  return findings;
}

/** What the type can hold, in the tag's unit; undefined where it has no narrow bounds. */
export function scaledRange(
  tag: Pick<TagEntry, "scale" | "offset">,
  value: ValueSpec,
): { low: number; high: number } | undefined {
  if (value.kind !== "integer") return undefined;
  const scaled = (raw: bigint) => Number(raw) * (tag.scale ?? 1) + (tag.offset ?? 0);
  const ends = [scaled(value.min), scaled(value.max)].map((end) => Number(end.toPrecision(12)));
  return { low: Math.min(...ends), high: Math.max(...ends) };
}
