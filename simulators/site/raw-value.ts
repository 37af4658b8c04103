import type { TagMapping, ValueSpec } from "../../src/adapter-kit/mapping.ts";
import { plainText, type TagValue } from "../../src/domain/reading.ts";
import { toRaw } from "../../src/normalise/scaling.ts";

/** A value in the tag's unit as the device would hold it: scale and offset undone, clipped to the type. */
export function rawOf(value: TagValue, tag: TagMapping): TagValue {
  return clip(toRaw(value, tag), tag.value);
}

function clip(raw: TagValue, spec: ValueSpec): TagValue {
  switch (spec.kind) {
    case "boolean":
      return Boolean(raw);
    case "float":
      return Number(raw);
    case "string":
      return cut(plainText(raw), spec.maxLength);
    case "json":
      return raw;
    case "integer": {
      const whole = typeof raw === "bigint" ? raw : BigInt(Math.round(Number(raw)));
      const held = whole < spec.min ? spec.min : whole > spec.max ? spec.max : whole;
      return spec.wide === undefined ? Number(held) : held;
    }
  }
}

function cut(text: string, maxBytes = Number.POSITIVE_INFINITY): string {
  let held = text;
  while (Buffer.byteLength(held) > maxBytes) held = held.slice(0, -1);
  return held;
}
