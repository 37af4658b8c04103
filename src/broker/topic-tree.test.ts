import fc from "fast-check";
import { expect, test } from "vitest";
import { isTopicFilter, matchesFilter } from "../domain/topic-filter.ts";
import { TopicTree } from "./topic-tree.ts";

const level = fc.constantFrom("a", "b", "", "$s", "__proto__");
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter((name) => name !== "");
const filter = fc
  .array(fc.oneof(level, fc.constantFrom("+", "#")), { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/"))
  .filter(isTopicFilter);

test("the tree finds just the filters that match, whatever was added and removed before", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(filter, fc.boolean()), { maxLength: 20 }), topic, (filters, name) => {
      const tree = new TopicTree<number>();
      const asked = () => [...tree.match(name)].sort((one, other) => one - other);
      filters.forEach(([text], index) => tree.add(text, index));
      asked();
      filters.forEach(([text, removed], index) => removed && tree.remove(text, index));
      const kept = filters.flatMap(([text, removed], index) =>
        !removed && matchesFilter(text, name) ? [index] : [],
      );
      expect(asked()).toEqual(kept);
    }),
    { numRuns: 1_000 },
  );
});

test("removing what was never added changes nothing", () => {
  const tree = new TopicTree<string>();
  tree.add("a/+", "kept");
  tree.remove("a/+", "other");
  tree.remove("a/b/c", "kept");
  expect(tree.match("a/b")).toEqual(["kept"]);
});
