import { isDeepStrictEqual } from "node:util";
import { holdsWideInteger } from "../../adapter-kit/json-document.ts";
import type { TagMapping, ValueSpec } from "../../adapter-kit/mapping.ts";
import type { TagValue } from "../../domain/reading.ts";
import { compileScaling, toRaw } from "../../normalise/scaling.ts";
import { refuse } from "./refusal.ts";

/** A 64-bit integer too wide for a JSON number comes as a decimal string, as it goes out in readings. */
function asNumber(value: TagValue, tag: TagMapping, name: string): number | bigint {
  const wide = tag.value.kind === "integer" && tag.value.wide !== undefined;
  if (wide && typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  // From a service of the gateway's own, or a JSON number beyond 2^53.
  if (typeof value === "bigint") return wide ? value : Number(value);
  if (typeof value !== "number" || !Number.isFinite(value)) {
    return refuse("type", name, `expected a number, got ${JSON.stringify(value)}`);
  }
  if (!wide || !Number.isInteger(value)) return value;
  // One beyond 2^53 that is no bigint had a fraction or an exponent: its digits are not known.
  return Number.isSafeInteger(value)
    ? BigInt(value)
    : refuse("type", name, "a number this wide is given as a decimal string");
}

function checkLimits(value: number | bigint, tag: TagMapping, name: string): void {
  const { min, max } = tag.write ?? {};
  const unit = tag.unit === undefined ? "" : ` ${tag.unit}`;
  if (min !== undefined && value < min)
    refuse("range", name, `${value}${unit} is below the least that may be written, ${min}${unit}`);
  if (max !== undefined && value > max)
    refuse("range", name, `${value}${unit} is above the most that may be written, ${max}${unit}`);
}

/** What a device that counts in steps would really hold must keep the limits too: 1495 in steps of 10 is 1500. */
function checkRounded(raw: TagValue, tag: TagMapping, name: string): void {
  const held = compileScaling(tag)(raw);
  if (typeof held === "number" || typeof held === "bigint") checkLimits(held, tag, name);
}

/**
 * Decides whether a value may be written to a tag and gives it as the device holds it. Throws WRITE_REFUSED with what is
 * allowed: only tags with a `write` entry, of the tag's type, within its limits (in the tag's unit).
 *
 * @param name the tag as an operator knows it, such as `press-1/motor/setpoint`
 */
export function guardWrite(value: TagValue, tag: TagMapping, name: string): TagValue {
  if (tag.write === undefined)
    return refuse("read-only", name, "may only be read, its mapping has no `write` entry");
  switch (tag.value.kind) {
    case "boolean":
      return typeof value === "boolean"
        ? value
        : refuse("type", name, `expected true or false, got ${JSON.stringify(value)}`);
    case "string": {
      if (typeof value !== "string")
        return refuse("type", name, `expected a text, got ${JSON.stringify(value)}`);
      const { maxLength } = tag.value;
      if (maxLength !== undefined && value.length > maxLength) {
        return refuse("type", name, `the text has ${value.length} characters, the device holds ${maxLength}`);
      }
      return value;
    }
    case "json":
      return holdsWideInteger(value)
        ? refuse(
            "type",
            name,
            "a whole number beyond 2^53 in it is given as a decimal string, where the device takes one",
          )
        : value;
    case "float": {
      const number = asNumber(value, tag, name);
      checkLimits(number, tag, name);
      const raw = finite(toRaw(number, tag), number, name);
      if (tag.value.single === true) checkSingle(raw, number, name);
      return raw;
    }
    case "integer":
      return guardInteger(asNumber(value, tag, name), tag, tag.value, name);
  }
}

function finite(raw: TagValue, value: number | bigint, name: string): number | bigint {
  if (typeof raw === "bigint" || (typeof raw === "number" && Number.isFinite(raw))) return raw;
  return refuse("range", name, `${value} is more than any device holds`);
}

/** The largest IEEE 754 single. What would be rounded up beyond it goes over the wire as an infinity. */
const largestSingle = 3.4028234663852886e38;

function checkSingle(raw: number | bigint, value: number | bigint, name: string): void {
  if (Number.isFinite(Math.fround(Number(raw)))) return;
  const held = `${-largestSingle} to ${largestSingle}`;
  refuse("range", name, `${value} does not fit the device's type, a 32-bit float, which holds ${held}`);
}

function guardInteger(
  value: number | bigint,
  tag: TagMapping,
  { min, max, wide }: Extract<ValueSpec, { kind: "integer" }>,
  name: string,
): number | bigint {
  checkLimits(value, tag, name);
  const plain = tag.scale === 1 && tag.offset === 0;
  if (plain && typeof value === "number" && !Number.isInteger(value)) {
    return refuse("type", name, `expected a whole number, got ${value}`);
  }
  const raw = BigInt(finite(toRaw(value, tag), value, name));
  if (raw < min || raw > max) {
    return refuse("range", name, `${value} does not fit the device's type, which holds ${min} to ${max}`);
  }
  checkRounded(raw, tag, name);
  return wide === undefined ? Number(raw) : raw;
}

/** What a write ended with. */
interface Held {
  /** In the tag's unit. */
  readonly wanted: TagValue;
  readonly readBack: TagValue | null;
  /** As the device holds it. */
  readonly raw: TagValue;
  readonly held: TagValue | null;
}

/** True where what is read back is what was written, or within the mapping's tolerance (absolute, in the tag's unit). */
export function isConfirmed({ wanted, readBack, raw, held }: Held, tag: TagMapping): boolean {
  if (isSameRaw(raw, held, tag)) return true;
  const { tolerance } = tag.write ?? {};
  if (tolerance === undefined || readBack === null || !isNumeric(tag.value)) return false;
  const off = Math.abs(Number(readBack) - Number(wanted));
  return off <= tolerance * (1 + 1e-9);
}

function isNumeric({ kind }: ValueSpec): boolean {
  return kind === "integer" || kind === "float";
}

/** True where the device holds what was written; a single-precision float as exactly as it can. */
export function isSameRaw(written: TagValue, held: TagValue | null, tag: TagMapping): boolean {
  if (held === null) return false;
  if (typeof written === "object" || typeof held === "object") return isDeepStrictEqual(written, held);
  // Devices pad texts with spaces, so that trailing ones are nobody's.
  if (typeof written === "string") return typeof held === "string" && written.trimEnd() === held.trimEnd();
  if (typeof written === "boolean") return written === held;
  if (tag.value.kind === "float" && tag.value.single === true)
    return Math.fround(Number(written)) === Math.fround(Number(held));
  // Loosely, because an adapter may hold the same integer as a number or as a bigint: 5 and 5n are the same value.
  return typeof held !== "string" && typeof held !== "boolean" && !(written < held) && !(written > held);
}
