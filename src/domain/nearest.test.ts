import { expect, test } from "vitest";
import { nearestName } from "./nearest.ts";

test.each([
  ["holdng", "holding"],
  ["HOLDING", "holding"],
  ["hodling", "holding"],
  ["inptu", "input"],
  ["coils", "coil"],
])("%s was meant to be %s", (typed, meant) => {
  expect(nearestName(typed, ["coil", "discrete", "holding", "input"])).toBe(meant);
});

test("a name that resembles nothing has no nearest", () => {
  expect(nearestName("temperature", ["coil", "holding"])).toBeUndefined();
  expect(nearestName("x", [])).toBeUndefined();
});
