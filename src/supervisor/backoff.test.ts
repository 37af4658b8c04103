import fc from "fast-check";
import { expect, test } from "vitest";
import { backoff } from "./backoff.ts";

test("doubles from the first wait up to the longest, with jitter below the base", () => {
  const waits = backoff({ initial: 100, max: 1000, random: () => 0.999999 });
  const seen = Array.from({ length: 6 }, () => waits.next().value);
  expect(seen).toEqual([100, 200, 400, 800, 1000, 1000]);
});

test("no wait is below half its base or above the longest", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 5000 }),
      fc.nat({ max: 60_000 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (initial, max, at) => {
        const waits = backoff({ initial, max, random: () => at });
        for (let i = 0; i < 20; i++) {
          const wait = waits.next().value;
          expect(wait).toBeGreaterThanOrEqual(Math.floor(Math.min(initial, max) / 2));
          expect(wait).toBeLessThanOrEqual(max);
        }
      },
    ),
  );
});
