import type { StructuredValue, TagValue } from "../domain/reading.ts";

/** What a tag's value is; `json` is a part of a JSON document as it stands there. */
export const jsonValueTypes = ["bool", "int", "float", "string", "json"] as const;

export type JsonValueType = (typeof jsonValueTypes)[number];

/** Why a tag has no good value in a document that came. */
export const badStatuses = [
  "MalformedPayload",
  "PayloadTooLarge",
  "NoSuchField",
  "NullValue",
  "NotANumber",
  "NotAnInteger",
  "NotABoolean",
  "NotAString",
] as const;

export type BadStatus = (typeof badStatuses)[number];

/** A value, or why there is none. */
export type Decoded = { readonly value: TagValue } | { readonly bad: BadStatus };

/** A part of a JSON document as a tag's value. A string that looks like a number is none: the mapping says what it is. */
export function fromJson(found: unknown, type: JsonValueType): Decoded {
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
