import { expect, test } from "vitest";
import { formatDataType, parseDataType, plainKinds, registersOf, valueSpecOf } from "./data-type.ts";

test.each([...plainKinds, "string(1)", "string(16)", "string(250)"])("%s is read back as written", (text) => {
  const type = parseDataType(text);
  expect("kind" in type && formatDataType(type)).toBe(text);
});

test.each([
  ["real", "float32"],
  ["float", "float32"],
  ["LREAL", "float64"],
  ["word", "uint16"],
  ["dint", "int32"],
  ["boolean", "bool"],
  ["flaot32", "float32"],
  ["string", "string(16)"],
])("%s is a mistake, perhaps for %s", (text, meant) => {
  expect(parseDataType(text)).toMatchObject({ meant, allowed: expect.stringContaining("float32") });
});

test.each(["string(0)", "string(251)", "string()", "array", ""])("%s is no type", (text) => {
  expect(parseDataType(text)).toMatchObject({ message: expect.any(String) });
});

test.each(["constructor", "toString", "__proto__", "hasOwnProperty"])(
  "%s is no type, nor like one",
  (text) => {
    const found = parseDataType(text);
    expect(found).toMatchObject({ message: `there is no type ${text}` });
    expect("meant" in found ? found.meant : undefined).toBeUndefined();
  },
);

test.each([
  ["bool", 1],
  ["int16", 1],
  ["uint32", 2],
  ["float32", 2],
  ["bcd32", 2],
  ["int64", 4],
  ["float64", 4],
  ["string(5)", 3],
  ["string(6)", 3],
])("%s fills %i registers", (text, registers) => {
  const type = parseDataType(text);
  expect("kind" in type && registersOf(type)).toBe(registers);
});

test("integer types know their exact range, and 64-bit ones their name", () => {
  expect(valueSpecOf({ kind: "int16" })).toEqual({ kind: "integer", min: -32_768n, max: 32_767n });
  expect(valueSpecOf({ kind: "int64" })).toEqual({
    kind: "integer",
    min: -9_223_372_036_854_775_808n,
    max: 9_223_372_036_854_775_807n,
    wide: "int64",
  });
  expect(valueSpecOf({ kind: "uint64" })).toMatchObject({ max: 18_446_744_073_709_551_615n, wide: "uint64" });
  expect(valueSpecOf({ kind: "bcd32" })).toEqual({ kind: "integer", min: 0n, max: 99_999_999n });
  expect(valueSpecOf({ kind: "float32" })).toEqual({ kind: "float", single: true });
  expect(valueSpecOf({ kind: "string", length: 8 })).toEqual({ kind: "string", maxLength: 8 });
});
