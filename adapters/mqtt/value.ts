import { fromJson, type Decoded, type JsonValue, type JsonValueType } from "../../src/adapter-kit/index.ts";

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const whole = /^[+-]?\d+$/;

/** A payload that is a number in text, such as `21.5`, as a tag's value. */
export function fromNumber(text: string, type: JsonValueType): Decoded {
  const trimmed = text.trim();
  const number = decimal.test(trimmed) ? Number(trimmed) : Number.NaN;
  if (!Number.isFinite(number)) return { bad: "NotANumber" };
  const isLong = !Number.isSafeInteger(number) && whole.test(trimmed);
  return fromJson(isLong ? BigInt(trimmed) : number, type);
}

/** A payload that is plain text as a tag's value. */
export function fromText(text: string, type: JsonValueType): Decoded {
  if (type !== "bool") return { value: text };
  const word = text.trim().toLowerCase();
  if (word === "true" || word === "1" || word === "on") return { value: true };
  return word === "false" || word === "0" || word === "off" ? { value: false } : { bad: "NotABoolean" };
}

/** True for a JSON object, no array. */
export function isObject(value: unknown): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
