import fc from "fast-check";
import { expect, test } from "vitest";
import { follow, noise, seededRandom } from "./random.ts";

test("the same seed gives the same numbers, another seed others", () => {
  const take = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
  expect(take(1)).toEqual(take(1));
  expect(take(1)).not.toEqual(take(2));
});

test("numbers are in [0, 1) and noise is within its spread", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const value = random();
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThan(1);
      expect(Math.abs(noise(random, 2))).toBeLessThanOrEqual(2);
    }),
  );
});

test("following a target is the same in one step as in many", () => {
  let small = 0;
  for (let step = 0; step < 100; step += 1) small = follow(small, 10, 0.05, 2);
  expect(follow(0, 10, 5, 2)).toBeCloseTo(small, 10);
});
