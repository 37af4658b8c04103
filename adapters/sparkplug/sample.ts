import type { Quality, Sample } from "../../src/adapter-kit/index.ts";
import type { Update } from "./node-listener.ts";
import type { SparkplugTagMapping } from "./mapping.ts";
import { decodeValue } from "./value.ts";

/** Why a tag has no good value. */
export type TagStatus =
  | "NoSuchMetric"
  | "NoBirth"
  | "WrongType"
  | "UnknownType"
  | "NullValue"
  | "InvalidValue"
  | "QualityBad"
  | "QualityUncertain"
  | "QualityStale"
  | "SequenceGap"
  | "Retained";

/** A clock that is further ahead is wrong. */
const mostAheadMs = 86_400_000;
/** Before 2000 nobody sent such a message: the clock was never set. */
const earliestMs = 946_684_800_000;

export interface SampleOptions {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** A timestamp that can't be true. */
  onBadTimestamp(): void;
}

export function badSample(tag: string, status: TagStatus): Sample {
  return { tag, value: null, quality: "bad", status };
}

/** What an update says about a tag. */
export function sampleOf(
  { name, options }: SparkplugTagMapping,
  update: Update,
  sampling: SampleOptions,
): Sample {
  const { known, metric } = update;
  if (known.type === undefined) return badSample(name, "UnknownType");
  if (options.type !== undefined && options.type !== known.type) return badSample(name, "WrongType");
  if (metric.isNull) return badSample(name, "NullValue");
  const { quality, status } = qualityOf(metric.quality);
  if (quality === "bad") return { tag: name, value: null, quality, ...status };
  const value = metric.value === undefined ? undefined : decodeValue(known.type, metric.value);
  if (value === undefined) return badSample(name, "InvalidValue");
  return { tag: name, value, quality, ...status, ...timeOf(update, sampling) };
}

/** A timestamp that can't be true says nothing: the gateway's time stands in its place. */
function timeOf({ timestamp }: Update, sampling: SampleOptions): { sourceTimestamp?: number } {
  if (timestamp === undefined) return {};
  if (timestamp >= earliestMs && timestamp <= sampling.now + mostAheadMs)
    return { sourceTimestamp: timestamp };
  sampling.onBadTimestamp();
  return {};
}

/**
 * The property `Quality` (§6.4.9): 192 good, 500 stale, 0 bad. Nodes that hand on OPC qualities have others, whose upper
 * two of eight bits say which of the three they are. Without the property a value is good.
 */
function qualityOf(code: number | undefined): {
  readonly quality: Quality;
  readonly status: { readonly status?: TagStatus };
} {
  if (code === undefined) return { quality: "good", status: {} };
  if (code === 500) return { quality: "uncertain", status: { status: "QualityStale" } };
  const major = code >= 0 && code <= 0xff ? code >> 6 : 0;
  if (major === 3) return { quality: "good", status: {} };
  if (major === 1) return { quality: "uncertain", status: { status: "QualityUncertain" } };
  return { quality: "bad", status: { status: "QualityBad" } };
}
