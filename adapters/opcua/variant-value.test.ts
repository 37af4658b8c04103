import { DataType, Variant } from "node-opcua-variant";
import { expect, test } from "vitest";
import { valueOf } from "./variant-value.ts";

test.each([
  ["2026-05-06T07:08:09.123Z", "2026-05-06T07:08:09.123Z"],
  ["9999-12-31T23:59:59.000Z", "9999-12-31T23:59:59.000Z"],
  // What the library makes of the largest DateTime, which stands for the end of time.
  ["+030828-09-14T02:48:05.477Z", "9999-12-31T23:59:59.000Z"],
])("the time %s is told as %s", (given, told) => {
  expect(valueOf(new Variant({ dataType: DataType.DateTime, value: new Date(given) }))).toBe(told);
});
