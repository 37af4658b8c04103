import type { TagValue } from "../domain/reading.ts";
import { plainJson } from "./json-document.ts";
import type { ValueSpec } from "./mapping.ts";

/** What a tag's value is; `json` is a part of a JSON document as it stands there. */
export const jsonValueTypes = ["bool", "int", "int64", "uint64", "float", "string", "json"] as const;

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

const mostSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** What a tag of that type may hold. */
export function jsonValueSpec(type: JsonValueType): ValueSpec {
  switch (type) {
    case "bool":
      return { kind: "boolean" };
    case "int":
      return { kind: "integer", min: -mostSafe, max: mostSafe };
    case "int64":
      return { kind: "integer", min: -(2n ** 63n), max: 2n ** 63n - 1n, wide: "int64" };
    case "uint64":
      return { kind: "integer", min: 0n, max: 2n ** 64n - 1n, wide: "uint64" };
    case "float":
      return { kind: "float" };
    case "string":
      return { kind: "string" };
    case "json":
      return { kind: "json" };
  }
}

/**
 * A part of a document out of `parseJson` as a tag's value. A string that looks like a number is none: the mapping says
 * what it is.
 */
export function fromJson(found: unknown, type: JsonValueType): Decoded {
  if (found === undefined) return { bad: "NoSuchField" };
  switch (type) {
    case "float":
      if (typeof found === "bigint") return { value: Number(found) };
      return typeof found === "number" ? { value: found } : { bad: "NotANumber" };
    case "int":
      if (typeof found !== "number" && typeof found !== "bigint") return { bad: "NotANumber" };
      return Number.isSafeInteger(found) ? { value: Number(found) } : { bad: "NotAnInteger" };
    case "int64":
    case "uint64":
      return wideInteger(found, type);
    case "bool":
      if (typeof found === "boolean") return { value: found };
      return found === 0 || found === 1 ? { value: found === 1 } : { bad: "NotABoolean" };
    case "string":
      return typeof found === "string" ? { value: found } : { bad: "NotAString" };
    case "json": {
      const value = isWide(found, "int64") || isWide(found, "uint64") ? found : plainJson(found);
      if (value === undefined) return { bad: "NotANumber" };
      return value === null ? { bad: "NullValue" } : { value };
    }
  }
}

function wideInteger(found: unknown, type: "int64" | "uint64"): Decoded {
  if (typeof found !== "number" && typeof found !== "bigint") return { bad: "NotANumber" };
  // A number beyond 2^53 that is no bigint was written with a fraction or an exponent: its digits are not known.
  const whole = typeof found === "bigint" || Number.isSafeInteger(found) ? BigInt(found) : undefined;
  return isWide(whole, type) ? { value: whole } : { bad: "NotAnInteger" };
}

function isWide(found: unknown, type: "int64" | "uint64"): found is bigint {
  if (typeof found !== "bigint") return false;
  return found === (type === "int64" ? BigInt.asIntN(64, found) : BigInt.asUintN(64, found));
}
