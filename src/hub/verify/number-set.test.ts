import * as fc from "fast-check";
import { expect, test } from "vitest";
import { NumberSet } from "./number-set.ts";

/** Near each other and far apart, over the edges of pages. */
const numbers = fc.array(fc.oneof(fc.nat(60), fc.integer({ min: 8_150, max: 8_250 }), fc.nat(40_000)));

test("it holds what was added, once, and knows the least and the most", () => {
  fc.assert(
    fc.property(numbers, (added) => {
      const set = new NumberSet();
      const once = new Set<number>();
      for (const number of added) {
        expect(set.add(number)).toBe(!once.has(number));
        once.add(number);
      }
      expect(set.size).toBe(once.size);
      expect(set.least).toBe(Math.min(...once));
      expect(set.most).toBe(Math.max(...once));
    }),
  );
});

test("the gaps and what is there make up the whole range", () => {
  fc.assert(
    fc.property(numbers, fc.nat(9_000), fc.nat(9_000), (added, from, length) => {
      const set = new NumberSet();
      for (const number of added) set.add(number);
      const missing = [...set.gaps(from, from + length)].flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      );
      const there = new Set(added);
      const range = Array.from({ length: length + 1 }, (_, index) => from + index);
      expect(missing).toEqual(range.filter((number) => !there.has(number)));
    }),
  );
});

test("a gap ends right before a number at the edge of a page", () => {
  const set = new NumberSet();
  for (const number of [1, 8_192 * 3, 8_192 * 3 + 1]) set.add(number);
  expect([...set.gaps(1, set.most)]).toEqual([[2, 8_192 * 3 - 1]]);
});

test("a number that is far off costs neither memory nor steps for those between", () => {
  const set = new NumberSet();
  set.add(1);
  set.add(999_999_999_999_999);
  expect([...set.gaps(set.least, set.most)]).toEqual([[2, 999_999_999_999_998]]);
});
