import type { DataValue } from "node-opcua-data-value";
import type { Sample, ValueSpec } from "../../src/adapter-kit/index.ts";
import { qualityOf, statusName } from "./status.ts";
import { fitTo } from "./value-type.ts";
import { valueOf } from "./variant-value.ts";

/** How a tag's data values become samples. */
export interface SampleRule {
  readonly tag: string;
  readonly spec: ValueSpec;
  /** Whose time goes first; the other stands in where it is missing. */
  readonly timestamps: "source" | "server";
}

/**
 * A data value as a sample: Good and Uncertain keep the value, a Bad has none (OPC UA Part 8 §6.3), whatever the
 * server sends beside it.
 */
export function sampleOf({ tag, spec, timestamps }: SampleRule, data: DataValue): Sample {
  const quality = qualityOf(data.statusCode);
  const time =
    timestamps === "source"
      ? (data.sourceTimestamp ?? data.serverTimestamp)
      : (data.serverTimestamp ?? data.sourceTimestamp);
  const stamp = time ? { sourceTimestamp: time.getTime() } : {};
  if (quality === "bad") return { tag, value: null, quality, status: statusName(data.statusCode), ...stamp };
  const raw = data.value ? valueOf(data.value) : null;
  if (raw === null) return { tag, value: null, quality: "bad", status: "NoValue", ...stamp };
  const value = fitTo(raw, spec);
  if (value === undefined) return { tag, value: null, quality: "bad", status: "BadTypeMismatch", ...stamp };
  if (quality === "good") return { tag, value, quality, ...stamp };
  return { tag, value, quality, status: statusName(data.statusCode), ...stamp };
}

/** The sample of a tag that the server has no data for. */
export function badSample(tag: string, status: string): Sample {
  return { tag, value: null, quality: "bad", status };
}
