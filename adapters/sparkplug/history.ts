import type { DeviceEvent, JsonValue, Sample } from "../../src/adapter-kit/index.ts";

/**
 * The values that a node kept back while it was cut off (`is_historical`, Sparkplug 3.0 §6.4.6), as one event a message:
 * `{ values: [{ tag, value, quality, status?, timestamp? }] }`, raw as the node holds them, oldest as sent first. They
 * never become readings: a reading is the present, and the last one of a tag is its state.
 */
export function historyEvent(samples: readonly Sample[]): DeviceEvent | undefined {
  if (samples.length === 0) return undefined;
  return { name: "historical", data: { values: samples.map(valueJson) } };
}

function valueJson({ tag, value, quality, status, sourceTimestamp }: Sample): JsonValue {
  return {
    tag,
    // Exact where a JSON number is not.
    value: typeof value === "bigint" ? String(value) : value,
    quality,
    ...(status === undefined ? {} : { status }),
    ...(sourceTimestamp === undefined ? {} : { timestamp: sourceTimestamp }),
  };
}
