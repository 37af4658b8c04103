import type { JsonValue } from "../domain/reading.ts";

/** A whole number of 16 digits or more where a value stands: 2^53 has 16. One in a text only costs the slower look. */
const longInteger = /(?:^|[:,[\s])-?\d{16}\d*(?:$|[\s,\]}])/;
const integer = /^-?\d+$/;
/** A longer one is kept as its text: no machine counts so far, and the time to read it grows with its square. */
const mostDigits = 40;

/**
 * A JSON text. A whole number beyond ±2^53 comes as a bigint, so that no digit of it is lost; most texts have none, and are
 * parsed as ever. Throws SyntaxError where it is no JSON.
 */
export function parseJson(text: string): unknown {
  return longInteger.test(text) ? (JSON.parse(text, withSource as Reviver) as unknown) : JSON.parse(text);
}

type Reviver = (key: string, value: unknown) => unknown;

/** The third argument is ECMAScript's "JSON.parse source text access": only values that are no objects have a source. */
function withSource(_key: string, value: unknown, { source = "" }: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value) || !integer.test(source)) return value;
  return source.length > mostDigits ? source : BigInt(source);
}

/**
 * A part of such a document as plain JSON, where a whole number beyond ±2^53 is a decimal string, as in all structures. Undefined where
 * it holds a number that is beyond all that can be told, such as 1e400.
 */
export function plainJson(part: unknown): JsonValue | undefined {
  if (!holds(part, isNoPlainNumber)) return part as JsonValue;
  if (holds(part, isInfinite)) return undefined;
  return JSON.parse(
    JSON.stringify(part, (_key, value: unknown) => (typeof value === "bigint" ? `${value}` : value)),
  ) as JsonValue;
}

/** True where a whole number beyond ±2^53 stands in it. */
export function holdsWideInteger(part: unknown): boolean {
  return holds(part, (value) => typeof value === "bigint");
}

const isInfinite = (value: unknown) => value === Infinity || value === -Infinity;
const isNoPlainNumber = (value: unknown) => typeof value === "bigint" || isInfinite(value);

/** Without recursion: how deep a document goes is its sender's to say. */
function holds(part: unknown, isMeant: (value: unknown) => boolean): boolean {
  const left = [part];
  while (left.length > 0) {
    const value = left.pop();
    if (isMeant(value)) return true;
    if (typeof value !== "object" || value === null) continue;
    for (const inner of Array.isArray(value) ? value : Object.values(value)) left.push(inner);
  }
  return false;
}
