import { expect, test } from "vitest";
import { everything, Rights } from "./rights.ts";

const operator = new Rights({
  read: ["data/plant1/#"],
  publish: ["agv/+/state"],
  write: ["cmd/plant1/press/+"],
});

test.each([
  ["data/plant1/#", true],
  ["data/plant1/line1/+", true],
  ["data/#", false],
  ["#", false],
  ["cmd/plant1/press/x/reply", true],
  ["cmd/plant1/press/+/reply", true],
  ["cmd/plant1/press/x", false],
  ["cmd/plant1/press/#", false],
  ["cmd/plant1/press/reply", false],
  ["cmd/plant1/welder/x/reply", false],
  ["+/plant1/press/x/reply", false],
])("a subscription to %s is allowed only where wholly covered: %s", (filter, expected) => {
  expect(operator.mayRead(filter)).toBe(expected);
});

test.each([
  ["agv/7/state", true],
  ["agv/7/order", false],
  ["cmd/plant1/press/speed", true],
  ["cmd/plant1/welder/speed", false],
  ["cmd/plant1/press/reply", false],
])("publishing on %s: %s", (topic, expected) => {
  expect(operator.mayPublish(topic)).toBe(expected);
});

test.each([
  "data/x",
  "state/x",
  "alert/x",
  "line/x",
  "event/plant1/press-1/heartbeat-lost",
  "audit/x",
  "data",
  "$SYS/x",
  "$share/x",
  "cmd/plant1/press/x/reply",
])("%s is the gateway's own, even for one who may do everything", (topic) => {
  expect(new Rights(everything).mayPublish(topic)).toBe(false);
});

test("one who may do everything reads all but the broker's own topics", () => {
  const all = new Rights(everything);
  expect(all.mayRead("#")).toBe(true);
  expect(all.mayRead("$SYS/#")).toBe(false);
  expect(all.mayPublish("cmd/plant1/press/speed")).toBe(true);
  expect(all.mayPublish("database/x")).toBe(true);
});
