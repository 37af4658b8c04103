import type { StructuredValue, TagValue } from "../../src/adapter-kit/index.ts";
import type { ValueType } from "./mapping.ts";

/** Why a tag has no good value in a message that came. */
export type BadStatus =
  | "MalformedPayload"
  | "PayloadTooLarge"
  | "NoSuchField"
  | "NullValue"
  | "NotANumber"
  | "NotAnInteger"
  | "NotABoolean"
  | "NotAString";

/** A value, or why there is none. */
export type Decoded = { readonly value: TagValue } | { readonly bad: BadStatus };

/** A part of a JSON payload as a tag's value. A string that looks like a number is none: the mapping says what it is. */
export function fromJson(found: unknown, type: ValueType): Decoded {
  if (found === undefined) return { bad: "NoSuchField" };
  switch (type) {
    case "float":
      return typeof found === "number" ? { value: found } : { bad: "NotANumber" };
    case "int":
      if (typeof found !== "number") return { bad: "NotANumber" };
      return Number.isSafeInteger(found) ? { value: found } : { bad: "NotAnInteger" };
    case "bool":
      if (typeof found === "boolean") return { value: found };
      return found === 0 || found === 1 ? { value: found === 1 } : { bad: "NotABoolean" };
    case "string":
      return typeof found === "string" ? { value: found } : { bad: "NotAString" };
    case "json":
      // Out of JSON.parse, so that it is JSON all the way down.
      return found === null ? { bad: "NullValue" } : { value: found as TagValue & StructuredValue };
  }
}

const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A payload that is a number in text, such as `21.5`, as a tag's value. */
export function fromNumber(text: string, type: ValueType): Decoded {
  const trimmed = text.trim();
  const number = decimal.test(trimmed) ? Number(trimmed) : Number.NaN;
  return Number.isFinite(number) ? fromJson(number, type) : { bad: "NotANumber" };
}

/** A payload that is plain text as a tag's value. */
export function fromText(text: string, type: ValueType): Decoded {
  if (type !== "bool") return { value: text };
  const word = text.trim().toLowerCase();
  if (word === "true" || word === "1" || word === "on") return { value: true };
  return word === "false" || word === "0" || word === "off" ? { value: false } : { bad: "NotABoolean" };
}
