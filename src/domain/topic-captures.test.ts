import { expect, test } from "vitest";
import { captures, filledName, wildcardsOf } from "./topic-filter.ts";

test.each([
  ["store/+/shelf/+", "store/7/shelf/a", "x/{2}/{1}", "x/a/7"],
  ["agv/#", "agv/1/state", "{1}", "1/state"],
  ["agv/#", "agv", "all/{1}", "all/"],
  ["agv/state", "agv/state", "state", "state"],
])("%s on %s fills %s as %s", (filter, topic, template, name) => {
  expect(filledName(template, captures(wildcardsOf(filter), topic))).toBe(name);
});
