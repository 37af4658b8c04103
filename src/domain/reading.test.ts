import { expect, test } from "vitest";
import { encodeReading, type Reading } from "./reading.ts";
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
