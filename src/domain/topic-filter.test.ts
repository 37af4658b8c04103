import fc from "fast-check";
import { expect, test } from "vitest";
import { filterCovers, isTopicFilter, isTopicName, matchesFilter } from "./topic-filter.ts";

test.each([
  ["a/b", true],
  ["+/b", true],
  ["a/#", true],
  ["#", true],
  ["a//b", true],
  ["", false],
  ["a/#/b", false],
  ["a/b#", false],
  ["a+/b", false],
  ["a/\0", false],
])("%j is a filter: %s", (filter, expected) => {
  expect(isTopicFilter(filter)).toBe(expected);
});

test.each([
  ["a/#", "a", true],
  ["a/#", "a/b/c", true],
  ["a/+", "a", false],
  ["a/+", "a/", true],
  ["+", "a/b", false],
  ["#", "$SYS/x", false],
  ["+/x", "$SYS/x", false],
  ["$SYS/#", "$SYS/x", true],
  ["__proto__/+", "__proto__/constructor", true],
])("%s matches %s: %s", (filter, topic, expected) => {
  expect(matchesFilter(filter, topic)).toBe(expected);
});

test("a topic name holds no wildcard and no U+0000", () => {
  expect(["a/b", "a b", "ä"].every(isTopicName)).toBe(true);
  expect(["", "a/+", "a/#", "a\0b"].some(isTopicName)).toBe(false);
});

/** Every topic of up to four levels over an alphabet with one level that no filter names. */
const topics = (function all(depth: number): string[] {
  if (depth === 0) return [];
  const levels = ["a", "b", "", "z", "$s"];
  return [...levels, ...all(depth - 1).flatMap((rest) => levels.map((level) => `${level}/${rest}`))];
})(4).filter((topic) => topic !== "");

const filter = fc
  .tuple(
    fc.array(fc.constantFrom("a", "b", "", "+", "$s"), { maxLength: 3 }),
    fc.constantFrom<readonly string[]>([], ["#"]),
  )
  .map(([levels, end]) => [...levels, ...end].join("/"))
  .filter(isTopicFilter);

test("a filter covers another exactly where it matches each topic that the other matches", () => {
  fc.assert(
    fc.property(filter, filter, (outer, inner) => {
      const brute = topics.every((topic) => !matchesFilter(inner, topic) || matchesFilter(outer, topic));
      expect(filterCovers(outer, inner)).toBe(brute);
    }),
    {
      numRuns: 2_000,
      examples: [
        ["+/#", "#"],
        ["+/+/#", "/#"],
        ["#", "+/#"],
        ["a/+/#", "a/#"],
        ["+", "$s"],
      ],
    },
  );
});
