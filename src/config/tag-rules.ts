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

/** The rules of a tag that go across its keys and its type. */
export function checkTag(tag: TagEntry, value: ValueSpec): readonly TagFinding[] {
  return [...checkDeadband(tag, value), ...checkScaling(tag, value), ...checkLimits(tag, value)];
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
  return value.kind === "boolean" ? "a bool" : "a string";
}

function checkDeadband(tag: TagEntry, value: ValueSpec): readonly TagFinding[] {
  const findings: TagFinding[] = [];
  const keys = (["deadband", "deadbandPercent"] as const).filter((key) => tag[key] !== undefined);
  if (keys.length === 2) {
    findings.push(finding(["deadbandPercent"], "deadband and deadbandPercent stand together", "one of them"));
  }
  if (!isNumeric(value)) {
    for (const key of keys) {
      findings.push(finding([key], `${key} has no meaning for ${kindWord(value)}`, `${key} on numbers only`));
    }
  }
  if (keys.length === 0 && tag.republish !== undefined) {
    const message = "republish has no meaning without a deadband: every reading goes out";
    findings.push(finding(["republish"], message, "republish beside deadband or deadbandPercent"));
  }
  return findings;
}

function checkScaling(tag: TagEntry, value: ValueSpec): readonly TagFinding[] {
  if (isNumeric(value)) return [];
  return (["scale", "offset"] as const)
    .filter((key) => tag[key] !== undefined)
    .map((key) => finding([key], `${key} has no meaning for ${kindWord(value)}`, `${key} on numbers only`));
}

function checkLimits(tag: TagEntry, value: ValueSpec): readonly TagFinding[] {
  const { min, max } = tag.write ?? {};
  const given = (["min", "max"] as const).filter((key) => tag.write?.[key] !== undefined);
  if (!isNumeric(value)) {
    return given.map((key) =>
      finding(["write", key], `${key} has no meaning for ${kindWord(value)}`, `${key} on numbers only`),
    );
  }
  const findings: TagFinding[] = [];
  if (min !== undefined && max !== undefined && min > max) {
    findings.push(
      finding(["write", "min"], `min ${min} is above max ${max}`, `a min of at most ${max}`, "value"),
    );
  }
  const range = scaledRange(tag, value);
  if (range === undefined) return findings;
  for (const key of given) {
    const limit = tag.write?.[key] ?? 0;
    // What scaling adds in floating point is no mistake of the mapping's.
    const slack = Math.max(Math.abs(range.low), Math.abs(range.high)) * 1e-9;
    if (limit >= range.low - slack && limit <= range.high + slack) continue;
    const message = `${key} ${limit} is outside what the tag's type can hold, scaled`;
    findings.push(finding(["write", key], message, `${range.low} to ${range.high}`, "value"));
  }
  return findings;
}

/** What the type can hold, in the tag's unit; undefined where it has no narrow bounds. */
function scaledRange(tag: TagEntry, value: ValueSpec): { low: number; high: number } | undefined {
  if (value.kind !== "integer") return undefined;
  const scaled = (raw: bigint) => Number(raw) * (tag.scale ?? 1) + (tag.offset ?? 0);
  const ends = [scaled(value.min), scaled(value.max)].map((end) => Number(end.toPrecision(12)));
  return { low: Math.min(...ends), high: Math.max(...ends) };
}
