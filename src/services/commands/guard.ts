import type { TagMapping } from "../../adapter-kit/mapping.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { TagValue } from "../../domain/reading.ts";
import { toRaw } from "../../normalise/scaling.ts";

function refuse(name: string, problem: string): never {
  throw new GatewayError("WRITE_REFUSED", `${name}: ${problem}.`);
}

/** A 64-bit integer may come as a decimal string, as it goes out in readings. */
function asNumber(value: TagValue, tag: TagMapping, name: string): number | bigint {
  const wide = tag.value.kind === "integer" && tag.value.wide !== undefined;
  if (wide && typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  if (typeof value !== "number" || !Number.isFinite(value))
    return refuse(name, `expected a number, got ${JSON.stringify(value)}`);
  return value;
}

function checkLimits(value: number | bigint, tag: TagMapping, name: string): void {
  const { min, max } = tag.write ?? {};
  const unit = tag.unit === undefined ? "" : ` ${tag.unit}`;
  if (min !== undefined && value < min)
    refuse(name, `${value}${unit} is below the least that may be written, ${min}${unit}`);
  if (max !== undefined && value > max)
    refuse(name, `${value}${unit} is above the most that may be written, ${max}${unit}`);
}

/**
 * Decides whether a value may be written to a tag and gives it as the device holds it. Throws WRITE_REFUSED with what is
 * allowed: only tags with a `write` entry, of the tag's type, within its limits (in the tag's unit).
 *
 * @param name the tag as an operator knows it, such as `press-1/motor/setpoint`
 */
export function guardWrite(value: number | boolean | string, tag: TagMapping, name: string): TagValue {
  if (tag.write === undefined) return refuse(name, "may only be read, its mapping has no `write` entry");
  switch (tag.value.kind) {
    case "boolean":
      return typeof value === "boolean"
        ? value
        : refuse(name, `expected true or false, got ${JSON.stringify(value)}`);
    case "string": {
      if (typeof value !== "string") return refuse(name, `expected a text, got ${JSON.stringify(value)}`);
      const { maxBytes } = tag.value;
      const bytes = Buffer.byteLength(value);
      if (maxBytes !== undefined && bytes > maxBytes)
        return refuse(name, `the text has ${bytes} bytes, the device holds ${maxBytes}`);
      return value;
    }
    case "float": {
      const number = asNumber(value, tag, name);
      checkLimits(number, tag, name);
      return toRaw(number, tag);
    }
    case "integer": {
      const number = asNumber(value, tag, name);
      checkLimits(number, tag, name);
      const plain = tag.scale === 1 && tag.offset === 0;
      if (plain && typeof number === "number" && !Number.isInteger(number))
        return refuse(name, `expected a whole number, got ${number}`);
      const raw = BigInt(toRaw(number, tag));
      if (raw < tag.value.min || raw > tag.value.max) {
        return refuse(
          name,
          `${number} does not fit the device's type, which holds ${tag.value.min} to ${tag.value.max}`,
        );
      }
      return tag.value.wide === undefined ? Number(raw) : raw;
    }
  }
}

/** True where the device holds what was written; a single-precision float as exactly as it can. */
export function isSameRaw(written: TagValue, held: TagValue | null, tag: TagMapping): boolean {
  if (held === null) return false;
  if (typeof written === "string" || typeof written === "boolean") return written === held;
  if (tag.value.kind === "float" && tag.value.single === true)
    return Math.fround(Number(written)) === Math.fround(Number(held));
  // Loosely, because an adapter may hold the same integer as a number or as a bigint: 5 and 5n are the same value.
  return typeof held !== "string" && typeof held !== "boolean" && !(written < held) && !(written > held);
}
