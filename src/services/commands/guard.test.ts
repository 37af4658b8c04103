import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson } from "../../adapter-kit/json-document.ts";
import type { TagMapping, ValueSpec } from "../../adapter-kit/mapping.ts";
import type { TagValue } from "../../domain/reading.ts";
import { guardWrite, isSameRaw } from "./guard.ts";

const uint16: ValueSpec = { kind: "integer", min: 0n, max: 65_535n };
const int64: ValueSpec = { kind: "integer", min: -(2n ** 63n), max: 2n ** 63n - 1n, wide: "int64" };

function tag(value: ValueSpec, more: Partial<TagMapping> = {}): TagMapping {
  return { name: "motor/setpoint", options: {}, value, scale: 1, offset: 0, write: { options: {} }, ...more };
}

const guard = (value: TagValue, mapping: TagMapping) => guardWrite(value, mapping, "press-1/motor/setpoint");

test("a tag without a write entry is read-only", () => {
  const { write: _, ...readOnly } = tag(uint16);
  expect(() => guard(1, readOnly)).toThrow("press-1/motor/setpoint: may only be read");
});

test("limits are in the tag's unit and inclusive", () => {
  const limited = tag(uint16, { scale: 0.5, unit: "rpm", write: { min: 10, max: 1500, options: {} } });
  expect(guard(1500, limited)).toBe(3000);
  expect(guard(10, limited)).toBe(20);
  expect(() => guard(1500.5, limited)).toThrow("1500.5 rpm is above the most that may be written, 1500 rpm");
  expect(() => guard(9, limited)).toThrow("below the least that may be written, 10 rpm");
});

test.each([
  ["a fraction to an integer", 1.5, tag(uint16), "expected a whole number"],
  ["more than the type holds", 65_536, tag(uint16), "holds 0 to 65535"],
  ["less than the type holds", -1, tag(uint16), "holds 0 to 65535"],
  ["a boolean to a number", true, tag(uint16), "expected a number, got true"],
  ["a numeric text to a number", "12", tag(uint16), "expected a number"],
  ["a number to a bit", 1, tag({ kind: "boolean" }), "expected true or false, got 1"],
  ["a structure to a number", { a: 1 }, tag(uint16), "expected a number"],
  ["an array to a text", ["a"], tag({ kind: "string" }), "expected a text"],
  ["a number to a text", 1, tag({ kind: "string" }), "expected a text"],
  [
    "a text too long",
    "ÄÖÜ-99",
    tag({ kind: "string", maxLength: 5 }),
    "has 6 characters, the device holds 5",
  ],
  ["what no device holds", 1e308, tag(uint16, { scale: 0.001 }), "more than any device holds"],
  ["what no float holds", 1e308, tag({ kind: "float" }, { scale: 0.001 }), "more than any device holds"],
  [
    "what a 32-bit float would hold as an infinity",
    1e39,
    tag({ kind: "float", single: true }),
    "1e+39 does not fit the device's type, a 32-bit float, which holds -3.4028234663852886e+38 to 3.4028234663852886e+38",
  ],
  ["the same below zero", -1e39, tag({ kind: "float", single: true }), "does not fit the device's type"],
  [
    "what a 32-bit float would hold as an infinity once scaled",
    1e38,
    tag({ kind: "float", single: true }, { scale: 0.01 }),
    "1e+38 does not fit the device's type",
  ],
  [
    "what is beyond the limit once rounded to the device's steps",
    1495,
    tag(uint16, { scale: 10, write: { max: 1495, options: {} } }),
    "1500 is above the most that may be written, 1495",
  ],
  ["a 64-bit number that JSON has rounded", 9_007_199_254_740_992, tag(int64), "given as a decimal string"],
] as const)("%s is refused", (_, value, mapping, message) => {
  expect(() => guard(value, mapping)).toThrow(message);
});

test("a 64-bit integer comes as a decimal string and keeps every digit", () => {
  expect(guard("9223372036854775807", tag(int64))).toBe(9_223_372_036_854_775_807n);
  expect(() => guard("9223372036854775808", tag(int64))).toThrow("does not fit");
  expect(guard("9007199254740993", tag(int64, { offset: 5 }))).toBe(9_007_199_254_740_988n);
});

test("a whole number that JSON would round is kept to the digit, or refused", () => {
  const wide = 9_007_199_254_740_993n;
  expect(guard(wide, tag(int64))).toBe(wide);
  const structure = tag({ kind: "json" });
  const inside = parseJson('{"a":[{"b":9007199254740993}]}') as TagValue;
  expect(() => guard(inside, structure)).toThrow("beyond 2^53 in it is given as a decimal string");
  expect(guard({ a: ["9007199254740993", 1] }, structure)).toEqual({ a: ["9007199254740993", 1] });
});

test("booleans, texts and floats pass as they are", () => {
  expect(guard(false, tag({ kind: "boolean" }))).toBe(false);
  expect(guard("P-7", tag({ kind: "string" }))).toBe("P-7");
  expect(guard(1.25, tag({ kind: "float", single: true }))).toBe(1.25);
});

test("a 32-bit float is sent with a finite value, or not at all", () => {
  const value = fc.oneof(fc.double(), fc.double({ min: 3.4e38, max: 3.5e38 }));
  const scale = fc.constantFrom(1, 0.1, 10, 1e30);
  fc.assert(
    fc.property(value, scale, (number, scaling) => {
      let raw: TagValue;
      try {
        raw = guard(number, tag({ kind: "float", single: true }, { scale: scaling }));
      } catch {
        return;
      }
      expect(Number.isFinite(Math.fround(Number(raw)))).toBe(true);
    }),
  );
});

test("what is read back counts as the same where the device holds it as exactly as it can", () => {
  expect(isSameRaw(182.4, Math.fround(182.4), tag({ kind: "float", single: true }))).toBe(true);
  expect(isSameRaw(5, 5n, tag(int64))).toBe(true);
  expect(isSameRaw("AB ", "AB", tag({ kind: "string" }))).toBe(true);
  expect(isSameRaw(5, 6, tag(uint16))).toBe(false);
  expect(isSameRaw(5, null, tag(uint16))).toBe(false);
  expect(isSameRaw(true, false, tag({ kind: "boolean" }))).toBe(false);
});

test("an array or a structure is the same where all in it is", () => {
  const order = tag({ kind: "json" });
  expect(guard({ id: 7, steps: [1, 2] }, order)).toEqual({ id: 7, steps: [1, 2] });
  expect(isSameRaw({ id: 7, steps: [1, 2] }, { steps: [1, 2], id: 7 }, order)).toBe(true);
  expect(isSameRaw({ id: 7, steps: [1, 2] }, { id: 7, steps: [2, 1] }, order)).toBe(false);
  expect(isSameRaw([1], 1, order)).toBe(false);
});
