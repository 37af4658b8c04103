import fc from "fast-check";
import { expect, test } from "vitest";
import { parseByteSize } from "./byte-size.ts";
import { formatDuration, ms, parseDuration } from "./duration.ts";

test.each([
  ["50ms", 50],
  ["1.5s", 1500],
  ["10m", 600_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
])("%s is %d ms", (text, expected) => {
  expect(parseDuration(text)).toBe(expected);
});

test.each(["50", "ms", "-5s", "5 s", "5sec", "1e3ms", ""])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test("what is formatted is read back as the same duration", () => {
  fc.assert(
    fc.property(fc.nat(), (value) => {
      expect(parseDuration(formatDuration(ms(value)))).toBe(value);
    }),
  );
});

test.each([
  ["64KB", 64_000],
  ["4GB", 4e9],
  ["512MiB", 536_870_912],
  ["1.5 MB", 1_500_000],
])("%s is %d bytes", (text, expected) => {
  expect(parseByteSize(text)).toBe(expected);
});

test.each(["64", "GB", "4gb", "4 Gigs"])("%j is no size", (text) => {
  expect(parseByteSize(text)).toBeUndefined();
});
