import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import type { PublishedReading } from "../../domain/reading.ts";
import { settle } from "../testing.ts";
import { alertsOf, rule, slowDown, testAlerts } from "./testing.ts";

const pressure = "press-1/pressure";

test("a new alert and one with another limit know at once how a tag stands that nothing comes of", async () => {
  const line = testAlerts(alertsOf(rule()));
  await line.read(210);
  const lower = rule({ name: "lower", when: { kind: "above", tag: pressure, limit: 100, deadband: 0 } });
  const higher = rule({ when: { kind: "above", tag: pressure, limit: 300, deadband: 0 } });
  await line.service.apply(alertsOf(higher, lower));
  await settle();
  expect(line.story()).toEqual(["overpressure raised", "overpressure cleared", "lower raised"]);
  expect(line.service.list().at(-1)).toMatchObject({ source: pressure, value: 210 });
});

test("a tag that no alert looked at so far is asked of the gateway, once at the start too", async () => {
  const last = new Map<string, PublishedReading>();
  const line = testAlerts(alertsOf(rule()), { last });
  await line.read(true, "box/on");
  const on = rule({ name: "on", when: { kind: "is", tag: "box/on", value: true } });
  await line.service.apply(alertsOf(rule(), on));
  expect(line.stateOf("on")).toBe("unacknowledged");
  const another = testAlerts(alertsOf(on), { last });
  expect(another.stateOf("on")).toBe("unacknowledged");
});

test("what is recalled raises nothing that is suppressed by what is recalled with it", async () => {
  const line = testAlerts(alertsOf(rule({ name: "other", when: { kind: "offline", device: "x" } })));
  await line.read(210);
  await line.read(true, "press-1/maintenance");
  const suppressWhile = { kind: "is", tag: "press-1/maintenance", value: true } as const;
  await line.service.apply(alertsOf(rule({ suppressWhile, actions: [slowDown] })));
  expect(line.stateOf()).toBe("suppressed");
  expect(line.writes).toEqual([]);
});

test("what is recalled is no change, no edge, and no sign of life", async () => {
  const line = testAlerts(alertsOf(rule()));
  await line.read(210);
  const changes = rule({ name: "changes", when: { kind: "changes", tag: pressure, holdFor: ms(1_000) } });
  const counted = rule({
    name: "counted",
    when: {
      kind: "count",
      of: { kind: "edge", tag: pressure, edge: "change" },
      atLeast: 1,
      within: ms(60_000),
    },
  });
  await line.service.apply(alertsOf(rule(), changes, counted));
  expect(line.story()).toEqual(["overpressure raised"]);
  await line.read(211);
  expect(line.story()).toEqual(["overpressure raised", "changes raised", "counted raised"]);
});

test("a stale alert that is edited stays raised until a reading comes, and is not raised twice", async () => {
  const stale = (message: string, after: number) =>
    rule({ message, when: { kind: "stale", tag: pressure, after: ms(after) } });
  const line = testAlerts(alertsOf(stale("a", 10_000)));
  await line.read(100);
  await line.clock.pass(10_000);
  expect(line.stateOf()).toBe("unacknowledged");
  for (const config of [stale("b", 10_000), stale("b", 20_000)]) await line.service.apply(alertsOf(config));
  await line.clock.pass(60_000);
  await line.read(100);
  expect(line.story()).toEqual(["overpressure raised", "overpressure cleared"]);
});

test("the last reading, recalled once more after a gap, is no sign of life; a newer one is", async () => {
  const last = new Map<string, PublishedReading>();
  const stale = rule({ when: { kind: "stale", tag: pressure, after: ms(10_000) } });
  const line = testAlerts(alertsOf(stale), { last });
  await line.read(100);
  await line.clock.pass(10_000);
  // As LATEST has it.
  for (const old of last.values()) await line.publish({ ...old, recalled: true });
  expect(line.stateOf()).toBe("unacknowledged");
  for (const { reading, ...rest } of last.values()) {
    const newer = { ...reading, timestamp: line.clock.now() };
    await line.publish({ ...rest, reading: newer, recalled: true });
  }
  expect(line.stateOf()).toBe("returned-unacknowledged");
});
