import { expect, test } from "vitest";
import { alignValue, fit, formatAge, formatElapsed, formatValue } from "./demo-format.ts";
import type { Row } from "./demo-table.ts";

const row: Row = {
  tag: "ram/pressure",
  unit: "bar",
  decimals: undefined,
  value: 1.5,
  quality: "good",
  status: undefined,
  timestamp: 0,
  largest: 0,
};

test("a value keeps its decimals though its size changes", () => {
  const shown = [182.44, 12.1, 0].map((value) => formatValue({ ...row, value, largest: 182.44 }));
  expect(shown).toEqual(["182.4", "12.1", "0.0"]);
  expect(formatValue({ ...row, value: 4.5, decimals: 2 })).toBe("4.50");
  expect(formatValue({ ...row, value: 2n ** 60n })).toBe("1152921504606846976");
});

test("no value yet, a bad one and a text", () => {
  expect(formatValue({ ...row, value: undefined })).toBe("–");
  expect(formatValue({ ...row, value: null, status: "DeviceOffline" })).toBe("DeviceOffline");
  expect(formatValue({ ...row, value: "P-01" })).toBe("P-01");
});

test("ages are short at every size", () => {
  expect([-5, 340, 9_960, 61_000, 100_000, 7_200_000].map(formatAge)).toEqual([
    "0.0 s",
    "0.3 s",
    "10 s",
    "61 s",
    "2 min",
    "2 h",
  ]);
  expect([5_000, 3_723_000].map(formatElapsed)).toEqual(["00:05", "1:02:03"]);
});

test("decimal points stand below each other, and nothing is wider than its column", () => {
  expect(["1200", "182.4", "0.847"].map((text) => alignValue(text, 10).indexOf("."))).toEqual([-1, 6, 6]);
  expect(alignValue("1200", 10)).toBe("  1200    ");
  expect(alignValue("1152921504606846976", 10)).toBe("115292150…");
  expect(fit("welder-1", 5)).toBe("weld…");
});
