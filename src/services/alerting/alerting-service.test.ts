import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { FakeClock, FakeStore, settle } from "../testing.ts";
import { alertsOf, hook, restore, rule, slowDown, testAlerts } from "./testing.ts";

/** The disk as it was, with nothing of what was only in memory. */
function restarted(store: FakeStore): FakeStore {
  const disk = new FakeStore();
  for (const [key, value] of store.disk) disk.disk.set(key, value);
  return disk;
}

test("overpressure: the press is slowed at once, people are told, acknowledge, and it clears", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown, restore] })));
  await line.read(150);
  await line.read(210);
  expect(line.writes).toEqual([
    { tag: "press-1/setpoint", value: 300, by: "service:alerting", why: "overpressure raised" },
  ]);
  expect(line.stateOf()).toBe("unacknowledged");
  expect(await line.service.request("overpressure", { kind: "acknowledge", by: "anna" })).toBeUndefined();
  await line.read(190);
  expect(line.story()).toEqual(["overpressure raised", "overpressure acknowledged", "overpressure cleared"]);
  expect(line.writes.at(-1)).toMatchObject({ value: 900, why: "overpressure cleared" });
  const last = line.shown.at(-1);
  expect(last).toMatchObject({
    topic: "alert/plant1/line1/overpressure",
    state: "normal",
    event: "cleared",
    priority: "critical",
    message: "Pressure 210",
    source: "press-1/pressure",
    value: 210,
    count: 1,
    sequence: 3,
  });
  expect(line.shown.find(({ event }) => event === "acknowledged")).toMatchObject({ by: "anna" });
});

test("the write is begun before the disk has answered, the event is told after it", async () => {
  const store = new FakeStore();
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { store });
  store.diesAfter = store.commits;
  await line.read(210);
  expect(line.writes).toHaveLength(1);
  expect(line.shown.map(({ state }) => state)).toEqual(["normal"]);
});

test("delays go on over a restart, and what the gateway missed while it was away is not taken for the device's silence", async () => {
  const config = alertsOf(rule({ onDelay: ms(10_000) }));
  const first = testAlerts(config);
  await first.read(210);
  await first.clock.pass(4_000);
  await first.service.stop();
  const second = testAlerts(config, { store: restarted(first.store), clock: first.clock });
  await second.clock.pass(5_999);
  expect(second.stateOf()).toBe("normal");
  await second.clock.pass(1);
  expect(second.stateOf()).toBe("unacknowledged");
});

test("killed at any commit, an alert neither fires again nor is forgotten", async () => {
  const day = [150, 210, 205, 190, 230, 180, 240];
  const whole = testAlerts(alertsOf(rule({ actions: [hook] })));
  for (const value of day) await whole.read(value);
  await fc.assert(
    fc.asyncProperty(fc.nat(8), fc.boolean(), async (commits, lastIsWritten) => {
      const store = new FakeStore();
      const config = alertsOf(rule({ actions: [hook] }));
      const first = testAlerts(config, { store });
      store.diesAfter = commits;
      store.lastIsWritten = lastIsWritten;
      let at = 0;
      for (; at < day.length && !store.isDead; at += 1) await first.read(day[at] ?? 0);
      const disk = restarted(store);
      const second = testAlerts(config, { store: disk, clock: first.clock });
      // The tag is what it was when the power failed.
      for (const value of day.slice(Math.max(0, at - 1))) await second.read(value);
      const events = [...store.messages, ...disk.messages].map(({ payload }) => {
        const { event, sequence } = JSON.parse(String(payload)) as { event: string; sequence: number };
        return `${sequence} ${event}`;
      });
      const expected = whole.store.messages.map(({ payload }) => {
        const { event, sequence } = JSON.parse(String(payload)) as { event: string; sequence: number };
        return `${sequence} ${event}`;
      });
      expect(events).toEqual(expected);
      expect(second.stateOf()).toBe(whole.stateOf());
      // Called for, it is done, at least once.
      const posts = first.posts.length + second.posts.length;
      expect(posts).toBeGreaterThanOrEqual(whole.posts.length);
    }),
    { numRuns: 40 },
  );
});

test("a write whose device is away is made when it is back, if the alert is still raised", async () => {
  const away = { ok: false, code: "DEVICE_UNREACHABLE", message: "press-1 is away", tookMs: 1 } as const;
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: away });
  await line.read(210);
  await line.see("press-1", "offline");
  expect(line.writes).toHaveLength(1);
  line.answers.write = { ok: true, tookMs: 1 };
  await line.see("press-1", "online");
  expect(line.writes).toHaveLength(2);
  await line.see("press-1", "online");
  expect(line.writes).toHaveLength(2);
});

test("a write whose device comes back after the alert is over is not made any more", async () => {
  const away = { ok: false, code: "DEVICE_TIMEOUT", message: "press-1 is away", tookMs: 1 } as const;
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: away });
  await line.read(210);
  await line.read(150);
  await line.see("press-1", "online");
  expect(line.writes).toHaveLength(1);
});

test("raised twice while its device was away, an alert writes once", async () => {
  const away = { ok: false, code: "DEVICE_TIMEOUT", message: "press-1 is away", tookMs: 1 } as const;
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: away });
  for (const value of [210, 150, 210]) await line.read(value);
  line.writes.length = 0;
  line.answers.write = { ok: true, tookMs: 1 };
  await line.see("press-1", "online");
  expect(line.writes).toHaveLength(1);
});

test("a write that is refused for good is told", async () => {
  const refused = { ok: false, code: "WRITE_REFUSED", message: "above 1500", tookMs: 1 } as const;
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: refused });
  await line.read(210);
  expect(line.events).toEqual([
    { name: "action-failed", data: { alert: "overpressure", on: "raised", message: "above 1500" } },
  ]);
  await line.see("press-1", "online");
  expect(line.writes).toHaveLength(1);
});

test("of a group the first that was raised is the first out, until the group is over", async () => {
  const other = rule({
    name: "motor-trip",
    group: "press-1",
    when: { kind: "is", tag: "press-1/trip", value: true },
  });
  const line = testAlerts(alertsOf(rule({ group: "press-1" }), other));
  const firstOuts = () => line.service.list().filter(({ firstOut }) => firstOut === true);
  await line.read(true, "press-1/trip");
  await line.read(210);
  expect(firstOuts().map(({ alert }) => alert)).toEqual(["motor-trip"]);
  await line.read(false, "press-1/trip");
  await line.read(true, "press-1/trip");
  expect(firstOuts()).toEqual([]);
  for (const name of ["overpressure", "motor-trip"])
    await line.service.request(name, { kind: "acknowledge", by: "anna" });
  await line.read(false, "press-1/trip");
  await line.read(150);
  await line.read(210);
  expect(firstOuts().map(({ alert }) => alert)).toEqual(["overpressure"]);
});

test("a member of a group that is put aside hides the first out from nobody, nor is there another when it is back", async () => {
  const trip = rule({
    name: "motor-trip",
    group: "press-1",
    when: { kind: "is", tag: "press-1/trip", value: true },
  });
  const line = testAlerts(alertsOf(rule({ group: "press-1" }), trip));
  const firstOuts = () =>
    line.service.list().flatMap(({ alert, firstOut }) => (firstOut === true ? [alert] : []));
  await line.read(210);
  for (const [aside, back] of [
    [{ kind: "shelve", forMs: 10_000, by: "anna" }, "unshelve"],
    [{ kind: "out-of-service", by: "anna" }, "in-service"],
  ] as const) {
    expect(firstOuts()).toEqual(["overpressure"]);
    await line.service.request("overpressure", aside);
    expect(firstOuts()).toEqual([]);
    await line.read(true, "press-1/trip");
    expect(firstOuts()).toEqual(["motor-trip"]);
    await line.service.request("overpressure", { kind: back, by: "anna" });
    expect(firstOuts()).toEqual(["motor-trip"]);
    await line.read(false, "press-1/trip");
    await line.read(150);
    await line.read(210);
  }
});

test("an alert that comes and goes is chattering, until its time is over", async () => {
  const line = testAlerts(alertsOf(rule()));
  for (const value of [210, 150, 210, 150]) await line.read(value);
  expect(line.shown.at(-1)?.["chattering"]).toBeUndefined();
  await line.read(210);
  expect(line.shown.at(-1)?.["chattering"]).toBe(true);
  await line.clock.pass(60_000);
  expect(line.service.list()[0]?.["chattering"]).toBeUndefined();
});

test("a storm of alerts is told as a flood, none of them is lost, and its end is told", async () => {
  const count = 500;
  const names = Array.from({ length: count }, (_, index) => `high-${index}`);
  const config = alertsOf(
    ...names.map((name) => rule({ name, when: { kind: "is", tag: "press-1/all", value: true } })),
  );
  const line = testAlerts(config);
  await line.read(true, "press-1/all");
  expect(line.story()).toEqual(names.map((name) => `${name} raised`));
  expect(line.events).toMatchObject([{ name: "flood", data: { active: true } }]);
  await line.clock.pass(600_000);
  expect(line.events.at(-1)).toMatchObject({ name: "flood", data: { active: false } });
});

test("a flood goes on over a kill: it begins once, and its end is told", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `high-${index}`);
  const config = alertsOf(
    ...names.map((name) => rule({ name, when: { kind: "is", tag: "press-1/all", value: true } })),
  );
  const first = testAlerts(config);
  await first.read(true, "press-1/all");
  await first.clock.pass(20);
  expect(first.events).toMatchObject([{ data: { active: true } }]);
  const { clock } = first;
  const killed = restarted(first.store);
  const second = testAlerts(config, { store: restarted(killed), clock });
  for (const value of [false, true]) await second.read(value, "press-1/all");
  expect(second.service.flood.since).not.toBeNull();
  expect(second.events).toEqual([]);
  await clock.pass(600_000);
  expect(second.events).toMatchObject([{ name: "flood", data: { active: false, lastedMs: 600_020 } }]);
  await clock.pass(1_000);
  // One that ended while the gateway was away is told to be over.
  const third = testAlerts(config, { store: killed, clock });
  expect(third.events).toMatchObject([{ name: "flood", data: { active: false } }]);
});

test("an alert that was taken out while the gateway was away is told as removed, and its state is gone", async () => {
  const first = testAlerts(alertsOf(rule({ actions: [hook] }), rule({ name: "stays" })));
  first.answers.post = new Promise(() => {});
  await first.read(210);
  const second = testAlerts(alertsOf(rule({ name: "stays" })), {
    store: restarted(first.store),
    clock: first.clock,
  });
  await settle();
  expect(second.story()).toEqual(["overpressure removed"]);
  expect(second.removed).toEqual(["overpressure"]);
  expect([...second.store.disk.keys()]).toEqual(["stays", "~removed"]);
  expect(second.events).toMatchObject([{ name: "action-dropped", data: { alert: "overpressure" } }]);
  const third = testAlerts(alertsOf(rule({ name: "stays" })), {
    store: restarted(second.store),
    clock: first.clock,
  });
  await settle();
  expect(third.story()).toEqual([]);
});

test("the numbers of an alert that is taken out and put in again go on, over a restart too", async () => {
  const sequences = (line: ReturnType<typeof testAlerts>) =>
    line.store.messages.flatMap(({ payload }) => {
      const { alert, sequence } = JSON.parse(String(payload)) as { alert: string; sequence: number };
      return alert === "overpressure" ? [sequence] : [];
    });
  const other = rule({ name: "other" });
  const line = testAlerts(alertsOf(rule(), other));
  for (const value of [210, 150]) await line.read(value);
  await line.service.apply(alertsOf(other));
  await line.service.apply(alertsOf(rule(), other));
  await line.read(210);
  await line.service.apply(alertsOf(other));
  const second = testAlerts(alertsOf(rule(), other), { store: restarted(line.store), clock: line.clock });
  await second.read(210);
  expect([...sequences(line), ...sequences(second)]).toEqual([1, 2, 3, 4, 5, 6]);
});

test("where there is no value, a text says so", async () => {
  const away = rule({ message: "${tag} has ${value}", when: { kind: "offline", device: "welder-1" } });
  const line = testAlerts(alertsOf(away));
  await line.see("welder-1", "offline");
  expect(line.service.list()).toMatchObject([{ message: "welder-1 has –", value: null }]);
});

test("an edit leaves untouched alerts as they are, and takes those away that are gone", async () => {
  const trip = rule({ name: "trip", when: { kind: "is", tag: "press-1/trip", value: true } });
  const line = testAlerts(alertsOf(rule(), trip));
  await line.read(210);
  await line.read(true, "press-1/trip");
  await line.service.apply(alertsOf(rule({ message: "Too much" })));
  await settle();
  expect(line.removed).toEqual(["trip"]);
  expect([...line.store.disk.keys()]).toEqual(["overpressure", "~removed"]);
  expect(line.stateOf()).toBe("unacknowledged");
  expect(line.story().filter((told) => told.endsWith("raised"))).toHaveLength(2);
  expect(line.service.list()).toMatchObject([{ alert: "overpressure", message: "Too much" }]);
});

test("a new rule about a device knows at once whether it is offline", async () => {
  const line = testAlerts(alertsOf(rule()));
  await line.see("welder-1", "offline");
  const away = rule({ name: "welder-away", when: { kind: "offline", device: "welder-1" } });
  await line.service.apply(alertsOf(rule(), away));
  expect(line.stateOf("welder-away")).toBe("unacknowledged");
});

test("late prepares at a station are counted to an alert", async () => {
  const when = {
    kind: "count",
    of: { kind: "line", station: "weld", event: "late" },
    atLeast: 2,
    within: ms(60_000),
  } as const;
  const line = testAlerts(alertsOf(rule({ name: "weld-late", when })));
  await line.tell("weld", "late");
  expect(line.stateOf("weld-late")).toBe("normal");
  await line.tell("weld", "late");
  expect(line.stateOf("weld-late")).toBe("unacknowledged");
  await line.clock.pass(60_000);
  expect(line.stateOf("weld-late")).toBe("returned-unacknowledged");
});

test("each of several delays ends in its time", async () => {
  const after = (name: string, delay: number) => rule({ name, onDelay: ms(delay) });
  const line = testAlerts(alertsOf(after("second", 2_000), after("first", 1_000), after("third", 3_000)));
  await line.read(210);
  for (let second = 0; second < 3; second += 1) await line.clock.pass(1_000);
  expect(line.story()).toEqual(["first raised", "second raised", "third raised"]);
});

test("a tag that falls silent is told without any reading", async () => {
  const clock = new FakeClock();
  const stale = rule({ when: { kind: "stale", tag: "press-1/pressure", after: ms(10_000) } });
  const line = testAlerts(alertsOf(stale), { clock });
  for (let second = 0; second < 30; second += 1) {
    await clock.pass(1_000);
    await line.read(100);
  }
  expect(line.stateOf()).toBe("normal");
  await clock.pass(9_999);
  expect(line.stateOf()).toBe("normal");
  await clock.pass(1);
  expect(line.stateOf()).toBe("unacknowledged");
});
