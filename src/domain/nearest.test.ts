import * as fc from "fast-check";
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

/** The same distance by its definition, from the ends of both. */
function distance(from: string, to: string): number {
  if (from === "" || to === "") return from.length + to.length;
  const swapped = from.length > 1 && from.at(-1) === to.at(-2) && from.at(-2) === to.at(-1);
  return Math.min(
    distance(from.slice(0, -1), to) + 1,
    distance(from, to.slice(0, -1)) + 1,
    distance(from.slice(0, -1), to.slice(0, -1)) + (from.at(-1) === to.at(-1) ? 0 : 1),
    swapped ? distance(from.slice(0, -2), to.slice(0, -2)) + 1 : Infinity,
  );
}

test("it is the first of those with the fewest edits, where these are few", () => {
  const name = fc.stringMatching(/^[abc]{1,6}$/);
  fc.assert(
    fc.property(name, fc.array(name, { maxLength: 5 }), (typed, candidates) => {
      const most = Math.max(1, Math.floor(typed.length / 3));
      const found = candidates.map((one) => ({ one, edits: distance(typed, one) }));
      const near = found.filter(({ edits }) => edits <= most).sort((left, right) => left.edits - right.edits);
      expect(nearestName(typed, candidates)).toBe(near[0]?.one);
    }),
  );
});
