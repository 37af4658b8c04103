import type { DataValue } from "node-opcua-data-value";
import {
  sourceTimestamp,
  type AdapterContext,
  type Sample,
  type ValueSpec,
} from "../../src/adapter-kit/index.ts";
import type { OpcuaDevice, OpcuaTag } from "./mapping.ts";
import { qualityOf, statusName } from "./status.ts";
import { fitTo } from "./value-type.ts";
import { valueOf } from "./variant-value.ts";

/** How a tag's data values become samples. */
export interface SampleRule {
  readonly tag: string;
  readonly spec: ValueSpec;
  /** Whose time goes first; the other stands in where it is missing. */
  readonly timestamps: "source" | "server";
  /** Milliseconds since the Unix epoch. */
  now(this: void): number;
  /** Told of a time that can't be true: a clock that was never set, or DateTime.MinValue for none. */
  onBadTimestamp(this: void): void;
}

/**
 * A data value as a sample: Good and Uncertain keep the value, a Bad has none (OPC UA Part 8 §6.3), whatever the
 * server sends beside it.
 */
export function sampleOf(rule: SampleRule, data: DataValue): Sample {
  const { tag, spec } = rule;
  const quality = qualityOf(data.statusCode);
  const time = timeOf(data, rule);
  const stamp = time === undefined ? {} : { sourceTimestamp: time };
  if (quality === "bad") return { tag, value: null, quality, status: statusName(data.statusCode), ...stamp };
  const raw = data.value ? valueOf(data.value) : null;
  if (raw === null) return { tag, value: null, quality: "bad", status: "NoValue", ...stamp };
  const value = fitTo(raw, spec);
  if (value === undefined) return { tag, value: null, quality: "bad", status: "BadTypeMismatch", ...stamp };
  if (quality === "good") return { tag, value, quality, ...stamp };
  return { tag, value, quality, status: statusName(data.statusCode), ...stamp };
}

/** The first of the two times that can be true, in ms since the Unix epoch; without one it is the time of receipt. */
function timeOf(
  { sourceTimestamp: source, serverTimestamp: server }: DataValue,
  { timestamps, now, onBadTimestamp }: SampleRule,
): number | undefined {
  const given = (timestamps === "source" ? [source, server] : [server, source]).filter((time) => !!time);
  const times = given.map((time) => sourceTimestamp(time.getTime(), "ms", now()));
  const found = times.findIndex((time) => time !== undefined);
  if (found > 0 || (found < 0 && times.length > 0)) onBadTimestamp();
  return times[found];
}

/** The rule of a tag of a device: times that can't be true are counted there. */
export function ruleOf({ name, value }: OpcuaTag, device: OpcuaDevice, context: AdapterContext): SampleRule {
  return {
    tag: name,
    spec: value,
    timestamps: device.options.timestamps,
    now: () => context.clock.now(),
    onBadTimestamp: () => context.metrics.fault("timestamp"),
  };
}

/** The sample of a tag that the server has no data for. */
export function badSample(tag: string, status: string): Sample {
  return { tag, value: null, quality: "bad", status };
}
