import { expect, test } from "vitest";
import { sourceTimestamp } from "./source-timestamp.ts";

const now = Date.UTC(2026, 10, 22, 12);

test.each([
  ["2026-11-22T11:00:00Z", Date.UTC(2026, 10, 22, 11)],
  ["2026-11-22T11:00:00.123Z", Date.UTC(2026, 10, 22, 11, 0, 0, 123)],
  ["2026-11-22T11:00:00.123999Z", Date.UTC(2026, 10, 22, 11, 0, 0, 123)],
  ["2026-11-22T11:00:00,5+01:00", Date.UTC(2026, 10, 22, 10, 0, 0, 500)],
  ["2026-11-22T11:00:00-0230", Date.UTC(2026, 10, 22, 13, 30)],
  ["2026-11-22T11:00", Date.UTC(2026, 10, 22, 11)],
  ["2026-11-22T11:00:00", Date.UTC(2026, 10, 22, 11)],
  ["2026-13-22T11:00:00Z", undefined],
  ["2026-11-22", undefined],
  ["yesterday", undefined],
  ["2026-11-24T11:00:00Z", undefined],
  ["1970-01-01T00:00:07Z", undefined],
  [1_795_000_000, undefined],
  [null, undefined],
])("ISO 8601 %j", (value, expected) => {
  expect(sourceTimestamp(value, "iso8601", now)).toBe(expected);
});

test.each([
  [1_795_000_000.5, "s", 1_795_000_000_500],
  [1_795_000_000_123, "ms", 1_795_000_000_123],
  [1_795_000_000_123_456, "us", 1_795_000_000_123],
  [1_795_000_000, "ms", undefined],
  [1_795_000_000_123, "s", undefined],
  [Number.NaN, "ms", undefined],
  ["1795000000123", "ms", undefined],
] as const)("epoch %j in %s", (value, unit, expected) => {
  expect(sourceTimestamp(value, unit, now)).toBe(expected);
});
