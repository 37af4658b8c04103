import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeStore, settle } from "../testing.ts";
import type { WriteOutcome } from "../commands/command-port.ts";
import type { ActionEnd } from "./action-end.ts";
import { mostTellings } from "./open-actions.ts";
import { alertsOf, hook, restore, rule, slowDown, testAlerts, timedOut } from "./testing.ts";

const done = { ok: true, tookMs: 1 } as const;
const never = new Promise<ActionEnd>(() => {});

type Tested = ReturnType<typeof testAlerts>;

/** What is open of the alert, as the store would have it. */
async function openOf(
  line: Tested,
): Promise<readonly { readonly index: number; readonly waitsFor?: string }[]> {
  await line.clock.pass(1_000);
  const { life } = JSON.parse(line.store.disk.get("overpressure") ?? "{}") as {
    life?: { open: { index: number; waitsFor?: string }[] };
  };
  return life?.open ?? [];
}

test("a webhook that nobody answers holds no write back", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown, restore, hook] })));
  line.answers.post = never;
  for (const value of [210, 150, 210]) await line.read(value);
  expect(line.writes.map(({ value }) => value)).toEqual([300, 900, 300]);
  expect(line.posts).toHaveLength(1);
});

test("webhooks of a chattering alert whose far side is dead are bounded, the oldest given up and told once", async () => {
  const hooks = [hook, { ...hook, on: "cleared" }] as const;
  const line = testAlerts(alertsOf(rule({ actions: [slowDown, ...hooks] })));
  line.answers.post = never;
  for (let times = 0; times < 100; times += 1) for (const value of [210, 150]) await line.read(value);
  expect(await openOf(line)).toHaveLength(mostTellings);
  expect(line.log.filter((message) => message.includes("given up"))).toHaveLength(1);
  expect(line.writes).toHaveLength(100);
});

test("a slow write is followed by the newest alone: what the alert wanted in between is not written", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown, restore] })));
  const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
  line.answers.write = promise;
  for (const value of [210, 150, 210, 150]) await line.read(value);
  expect(line.writes).toHaveLength(1);
  line.answers.write = done;
  resolve(done);
  await settle();
  expect(line.writes.map(({ value }) => value)).toEqual([300, 900]);
  expect(await openOf(line)).toEqual([]);
});

test("an edited alert does not do another action in the place of one that waits", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown, restore] })), { outcome: timedOut });
  await line.read(210);
  await line.see("press-1", "offline");
  line.answers.write = done;
  await line.service.apply(alertsOf(rule({ actions: [restore] })));
  await line.see("press-1", "online");
  expect(line.writes.map(({ value }) => value)).toEqual([300]);
  expect(line.events).toMatchObject([
    { name: "action-dropped", data: { alert: "overpressure", on: "raised" } },
  ]);
  expect(await openOf(line)).toEqual([]);
});

test("an alert that was edited while the gateway was away does nothing else in the place of what waits", async () => {
  const first = testAlerts(alertsOf(rule({ actions: [slowDown, restore] })), { outcome: timedOut });
  await first.read(210);
  await first.service.stop();
  const store = new FakeStore();
  for (const [key, value] of first.store.disk) store.disk.set(key, value);
  const edited = alertsOf(rule({ actions: [{ ...slowDown, value: 200 }] }));
  const second = testAlerts(edited, { store, clock: first.clock });
  await second.see("press-1", "online");
  expect(second.writes).toEqual([]);
  expect(second.events).toMatchObject([{ name: "action-dropped" }]);
});

test("an action that waits is found again where an edit moved it", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: timedOut });
  await line.read(210);
  await line.see("press-1", "offline");
  line.answers.write = done;
  await line.service.apply(alertsOf(rule({ actions: [restore, slowDown] })));
  await line.see("press-1", "online");
  expect(line.writes.map(({ value }) => value)).toEqual([300, 300]);
  expect(line.events).toEqual([]);
});

test("what an earlier version stored of an open action is done, if the rule has one for that moment in its place", async () => {
  const stored = async (moment: "raised" | "cleared") => {
    const first = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: timedOut });
    await first.read(210);
    await first.service.stop();
    const store = new FakeStore();
    const json = (first.store.disk.get("overpressure") ?? "").replace(/"what":"[^"]*",/, "");
    store.disk.set("overpressure", json);
    const config = alertsOf(rule({ actions: [{ ...slowDown, on: moment }] }));
    return testAlerts(config, { store, clock: first.clock });
  };
  expect((await stored("raised")).writes).toHaveLength(1);
  expect((await stored("cleared")).writes).toEqual([]);
});

test("a write that timed out is tried again while its device is online, with growing pauses", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: timedOut });
  await line.see("press-1", "online");
  await line.read(210);
  const made = [];
  for (let second = 0; second < 14; second += 1) {
    await line.clock.pass(1_000);
    made.push(line.writes.length);
  }
  expect(made).toEqual([2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5]);
  line.answers.write = done;
  await line.clock.pass(5_000);
  await line.clock.pass(60_000);
  expect(line.writes).toHaveLength(6);
  expect(line.log.filter((message) => message.includes("tried again"))).toHaveLength(1);
});

test("a write that was refused as too many were under way is tried again", async () => {
  const busy = { ok: false, code: "WRITE_REFUSED", reason: "busy", message: "busy", tookMs: 1 } as const;
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: busy });
  await line.read(210);
  line.answers.write = done;
  await line.clock.pass(1_000);
  expect(line.writes).toHaveLength(2);
  expect(line.events).toEqual([]);
});

test("a device that is back before its write is known to have failed is written to all the same", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })));
  const { promise, resolve } = Promise.withResolvers<WriteOutcome>();
  line.answers.write = promise;
  await line.see("press-1", "offline");
  await line.read(210);
  await line.see("press-1", "online");
  line.answers.write = done;
  resolve(timedOut);
  await settle();
  await line.clock.pass(1_000);
  expect(line.writes).toHaveLength(2);
});

test("while the device is away nothing is tried, and once when it is back", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: timedOut });
  await line.see("press-1", "offline");
  await line.read(210);
  await line.clock.pass(60_000);
  expect(line.writes).toHaveLength(1);
  line.answers.write = done;
  await line.see("press-1", "online");
  await line.clock.pass(60_000);
  expect(line.writes).toHaveLength(2);
});

test("an alert that is put aside writes nothing; what waits is made when it is put back and still raised", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown] })), { outcome: timedOut });
  await line.read(210);
  await line.service.request("overpressure", { kind: "out-of-service", by: "anna" });
  line.answers.write = done;
  await line.see("press-1", "online");
  await line.clock.pass(10_000);
  expect(line.writes).toHaveLength(1);
  await line.service.request("overpressure", { kind: "in-service", by: "anna" });
  expect(line.writes).toHaveLength(2);
});

test("what an alert that is cleared still has to write is not written once a person has put it aside", async () => {
  const line = testAlerts(alertsOf(rule({ actions: [restore] })), { outcome: timedOut });
  for (const value of [210, 150]) await line.read(value);
  await line.service.request("overpressure", { kind: "shelve", forMs: 60_000, by: "anna" });
  line.answers.write = done;
  await line.clock.pass(60_000);
  await line.see("press-1", "online");
  expect(line.writes).toHaveLength(1);
  expect(await openOf(line)).toEqual([]);
});

test("whatever fails and comes back in whatever order, what is written last is what the alert wants last", async () => {
  const happening = fc.constantFrom(210, 150, "online", "offline", "fails", "works", "second", "acknowledge");
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 40 }), async (day) => {
      const line = testAlerts(alertsOf(rule({ actions: [slowDown, restore, hook] })));
      line.answers.post = never;
      let wanted: number | undefined;
      for (const one of [...day, "works", "offline", "online"] as const) {
        if (typeof one === "number") {
          const before = line.stateOf();
          await line.read(one);
          if (one === 210) wanted = 300;
          else if (before !== "normal") wanted = 900;
        } else if (one === "online" || one === "offline") await line.see("press-1", one);
        else if (one === "second") await line.clock.pass(1_000);
        else if (one === "acknowledge")
          await line.service.request("overpressure", { kind: "acknowledge", by: "anna" });
        else line.answers.write = one === "works" ? done : timedOut;
        // A late try never is what was wanted before.
        expect([undefined, wanted]).toContain(line.writes.at(-1)?.value);
      }
      await line.clock.pass(5_000);
      expect((await openOf(line)).filter(({ waitsFor }) => waitsFor !== undefined)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
