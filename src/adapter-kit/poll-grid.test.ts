import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../domain/duration.ts";
import { PollGrid } from "./poll-grid.ts";

const fast = { name: "fast", interval: ms(50) };
const normal = { name: "normal", interval: ms(1_000) };

test("keeps each deadline on the grid, however late the one before was taken", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 49 }), { minLength: 1, maxLength: 50 }),
      (phase, delays) => {
        const grid = new PollGrid([fast], phase, 1_000);
        const first = grid.next();
        for (const [slot, delay] of delays.entries()) {
          expect(grid.next()).toBeCloseTo(first + slot * fast.interval, 6);
          expect(grid.take(grid.next() + delay)).toEqual({ due: ["fast"], missed: 0 });
        }
      },
    ),
  );
});

test("lets the slots of groups coincide, so that they can share requests", () => {
  const grid = new PollGrid([normal, fast], 0.4321, 0);
  const together = [];
  for (let slot = 0; slot < 60; slot += 1) together.push(grid.take(grid.next()).due.join());
  expect(together.filter((due) => due === "normal,fast")).toHaveLength(3);
  expect(together).not.toContain("normal");
});

test("puts devices of different phases at different places", () => {
  const next = [0, 0.25, 0.5, 0.75].map((phase) => new PollGrid([normal], phase, 0).next());
  expect(new Set(next).size).toBe(4);
});

test("passes over missed slots and counts them, instead of making up for them", () => {
  const grid = new PollGrid([fast], 0, 0);
  expect(grid.take(50)).toEqual({ due: ["fast"], missed: 0 });
  expect(grid.take(320)).toEqual({ due: ["fast"], missed: 4 });
  expect(grid.next()).toBe(350);
});

test("takes what is due within the same millisecond at once", () => {
  const grid = new PollGrid([fast, normal], 0, 0);
  for (let slot = 1; slot < 20; slot += 1) grid.take(slot * 50);
  expect(grid.take(999.4)).toEqual({ due: ["fast", "normal"], missed: 0 });
});
