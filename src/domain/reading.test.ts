import { expect, test } from "vitest";
import { decodeReading, encodeReading, type Reading } from "./reading.ts";
import { TagPath } from "./tag-path.ts";

const base: Reading = {
  path: new TagPath("data", "plant1", "press-1", "ram/pressure"),
  value: 182.4,
  quality: "good",
  timestamp: 1_795_370_000_123,
  unit: "bar",
  sequence: 4711,
  readAt: 0,
};

test("a reading on the wire is the contract's JSON, to the letter", () => {
  expect(encodeReading(base)).toBe(
    `{"value":182.4,"quality":"good","timestamp":1795370000123,"unit":"bar","sequence":4711}`,
  );
});

test("a status stands there when the quality is not good", () => {
  const json = encodeReading({ ...base, value: null, quality: "bad", status: "IllegalDataAddress" });
  expect(JSON.parse(json)).toMatchObject({ value: null, quality: "bad", status: "IllegalDataAddress" });
});

test.each([
  [9_007_199_254_740_991n, { value: 9_007_199_254_740_991 }],
  [-9_007_199_254_740_992n, { value: "-9007199254740992", type: "int64" }],
  [9_223_372_036_854_775_807n, { value: "9223372036854775807", type: "int64" }],
])("a 64-bit integer %s loses no digit", (value, expected) => {
  const {
    quality: _,
    timestamp: __,
    sequence: ___,
    unit: ____,
    ...rest
  } = JSON.parse(encodeReading({ ...base, value, integerType: "int64" })) as Record<string, unknown>;
  expect(rest).toEqual(expected);
});

test("strings are escaped and booleans bare", () => {
  expect(JSON.parse(encodeReading({ ...base, value: 'P"7\n' }))).toMatchObject({ value: 'P"7\n' });
  expect(encodeReading({ ...base, value: true })).toContain(`{"value":true,`);
});

test.each([
  base,
  { ...base, value: null, quality: "bad" as const, status: "IllegalDataAddress", unit: undefined },
  { ...base, value: 18_446_744_073_709_551_615n, integerType: "uint64" as const },
  { ...base, value: { x: [1, "a"] } },
])("a reading comes out of its wire form as it went in: %o", (reading) => {
  const decoded = decodeReading(reading.path, encodeReading(reading), 7);
  expect(decoded).toEqual({ status: undefined, integerType: undefined, ...reading, readAt: 7 });
});

test.each([
  "",
  "{",
  "5",
  "null",
  "[]",
  '{"value":1,"quality":"fine","timestamp":1}',
  '{"quality":"good","timestamp":1}',
])("what is no reading is told as none: %s", (json) =>
  expect(decodeReading(base.path, json, 0)).toBeUndefined(),
);
