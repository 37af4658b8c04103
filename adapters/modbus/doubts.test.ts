import { expect, test } from "vitest";
import type { Sample } from "../../src/adapter-kit/index.ts";
import { doubtValues } from "./doubts.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";

function doubt(type: string, value: number, order = "ABCD"): string | undefined {
  const device = deviceOf([tagOf({ address: "holding:0", type, order }, { name: "level" })]);
  const sample: Sample = { tag: "level", value, quality: "good" };
  return doubtValues(device, [sample])[0]?.text;
}

test("an absurd float that another order makes plausible names that order", () => {
  const swapped = Buffer.from([0x66, 0x66, 0x43, 0x36]).readFloatBE(0);
  expect(doubt("float32", swapped)).toContain("in the order CDAB the same registers say 182.4");
});

test("a small integer with its words swapped is noticed", () => {
  expect(doubt("uint32", 1_200 * 65_536)).toContain("say 1200");
});

test.each([
  ["float32", 182.5],
  ["float32", 0],
  ["float32", 1e6],
  ["uint32", 184_203],
  ["uint16", 65_535],
])("%s %d is left alone", (type, value) => {
  expect(doubt(type, value)).toBeUndefined();
});

test("no number may be meant or not: both are said", () => {
  expect(doubt("float32", Number.NaN)).toContain("NaN");
});
