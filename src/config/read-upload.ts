import type { TagMapping } from "../adapter-kit/mapping.ts";
import { ms } from "../domain/duration.ts";
import { nearestName } from "../domain/nearest.ts";
import { matchesFilter } from "../domain/topic-filter.ts";
import type { ReadGateway } from "./listener-rules.ts";
import type { Mistakes } from "./mistakes.ts";
import type { ReadDevice } from "./read-device.ts";
import { isSound, isWhole, keyPlace, valuePlace } from "./source.ts";
import type { ActiveRule, UploadConfig, UploadRule, WindowFigure } from "./upload.ts";
import { checkUploadEntry, suits } from "./upload-rules.ts";
import type { UploadEntry } from "./upload-schema.ts";

const usualStream = "telemetry";
/** Events close their batch at once: they have a stream of their own. */
const eventStream = "events";
const usualLateness = ms(2_000);
const usualFigures = ["mean", "min", "max", "count"] as const;
const usualVibration = ["rms", "peak", "crest", "kurtosis", "count"] as const;

/** An `upload` entry with its defaults. One with mistakes in it is some rule. */
export function toUploadRule(entry: UploadEntry): UploadRule {
  if (entry === "none") return { kind: "none" };
  if (typeof entry === "string") return plainRule(entry);
  const { every, onChange, swingingDoor, as, values, rollover, vibration, stream = usualStream } = entry;
  const often = entry.atLeastEvery === undefined ? {} : { atLeastEvery: entry.atLeastEvery };
  const lateness = entry.lateness ?? usualLateness;
  if (as !== undefined) return plainRule(as, entry.stream);
  if (onChange !== undefined) return { kind: "onChange", stream, deadband: onChange, ...often };
  if (swingingDoor !== undefined)
    return { kind: "swingingDoor", stream, deviation: swingingDoor, lateness, ...often };
  if (every === undefined) return { kind: "none" };
  const usual = vibration === undefined ? usualFigures : usualVibration;
  return {
    kind: "window",
    stream,
    every,
    lateness,
    values: (values as readonly WindowFigure[] | undefined) ?? usual,
    ...(rollover === undefined ? {} : { rollover }),
    ...(vibration === undefined ? {} : { vibration }),
  };
}

function plainRule(kind: "raw" | "event", stream = kind === "event" ? eventStream : usualStream): UploadRule {
  return { kind, stream };
}

interface PatternRule {
  readonly pattern: string;
  readonly rule: UploadRule;
}

/** The rule of every tag that is uploaded; undefined where none is. Patterns of gateway.yaml that say nothing are told. */
export function resolveUploads(
  { gateway, source, leftOut }: ReadGateway,
  devices: readonly Pick<ReadDevice, "mapping" | "uploads">[],
  mistakes: Mistakes,
): UploadConfig | undefined {
  const patterns: PatternRule[] = [];
  for (const [pattern, entry] of Object.entries(gateway.upload.tags)) {
    const under = ["upload", "tags", pattern];
    patterns.push({ pattern, rule: toUploadRule(entry) });
    for (const { path, at, problem } of checkUploadEntry(entry, undefined, under))
      if (isWhole(leftOut, path))
        mistakes.add(at === "key" ? keyPlace(source, path) : valuePlace(source, path), path, problem);
  }
  const known = devices.flatMap(({ mapping }) => mapping.tags.map((tag) => `${mapping.device}/${tag.name}`));
  // What a file that could not be read would have is not known.
  if (mistakes.none && isSound(leftOut, ["upload", "tags"])) {
    for (const { pattern } of patterns) {
      if (known.some((name) => matches(pattern, name))) continue;
      const path = ["upload", "tags", pattern];
      mistakes.add(keyPlace(source, path), path, {
        message: `no tag of the site matches ${JSON.stringify(pattern)}`,
        allowed: "a device and its tag, with + for any one level and # for all that follow",
        meant: nearestName(pattern, known),
      });
    }
  }
  const byExactness = patterns.toSorted((one, other) => compareExactness(one.pattern, other.pattern));
  const tags: Record<string, ActiveRule> = Object.create(null);
  for (const { mapping, uploads } of devices) {
    for (const tag of mapping.tags) {
      const name = `${mapping.device}/${tag.name}`;
      const rule = uploads.get(tag.name) ?? byPattern(byExactness, name, tag);
      if (rule !== undefined && rule.kind !== "none") tags[name] = rule;
    }
  }
  return Object.keys(tags).length === 0 ? undefined : { tags: { ...tags }, batch: gateway.upload.batch };
}

/** A rule that has no meaning for the tag's type leaves it to the next one. */
function byPattern(
  patterns: readonly PatternRule[],
  name: string,
  { value }: TagMapping,
): UploadRule | undefined {
  return patterns.find(
    ({ pattern, rule }) => matches(pattern, name) && (rule.kind === "none" || suits(rule, value)),
  )?.rule;
}

/** A tag that wildcards make is matched by what matches any of its tags. */
function matches(pattern: string, name: string): boolean {
  return matchesFilter(pattern, name.replaceAll(/\{\d+\}/g, "x"));
}

/** Level by level a name is more exact than `+`, and that than `#`; the most exact one first. */
function compareExactness(one: string, other: string): number {
  const [left, right] = [one.split("/"), other.split("/")];
  for (let level = 0; level < Math.max(left.length, right.length); level += 1) {
    const difference = exactness(right[level]) - exactness(left[level]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function exactness(level: string | undefined): number {
  if (level === undefined) return 0;
  return level === "#" ? 1 : level === "+" ? 2 : 3;
}
