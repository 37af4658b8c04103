import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { FakeStore } from "../testing.ts";
import { alertsOf, restore, rule, slowDown, testAlerts } from "./testing.ts";

const name = "overpressure";
const anna = { by: "anna" } as const;
const shelve = { kind: "shelve", forMs: 10_000, ...anna } as const;
const suppressWhile = { kind: "is", tag: "press-1/maintenance", value: true } as const;

/** What was told of it, with the state after it. */
function told(line: ReturnType<typeof testAlerts>): readonly string[] {
  return line.store.messages.map(({ payload }) => {
    const { event, state } = JSON.parse(String(payload)) as { event: string; state: string };
    return `${event} ${state}`;
  });
}

/** Raised, acknowledged where that is asked for, and shelved. */
async function shelved(acknowledged: boolean, more: Parameters<typeof rule>[0] = {}) {
  const line = testAlerts(alertsOf(rule({ actions: [slowDown, restore], ...more })));
  await line.read(210);
  if (acknowledged) await line.service.request(name, { kind: "acknowledge", ...anna });
  await line.service.request(name, shelve);
  line.store.messages.length = 0;
  return line;
}

test("an alert that cleared while it was shelved is normal afterwards, whoever ended the shelving", async () => {
  for (const acknowledged of [true, false]) {
    const byHand = await shelved(acknowledged);
    await byHand.read(150);
    await byHand.service.request(name, { kind: "unshelve", ...anna });
    const byTime = await shelved(acknowledged);
    await byTime.read(150);
    await byTime.clock.pass(10_000);
    for (const line of [byHand, byTime]) {
      expect(told(line)).toEqual(["unshelved normal", "cleared normal"]);
      expect(line.writes.at(-1)?.value).toBe(900);
    }
  }
});

test("a latched alert whose condition went while it was shelved is held afterwards", async () => {
  const line = await shelved(true, { latch: true });
  await line.read(150);
  await line.clock.pass(10_000);
  expect(told(line)).toEqual(["unshelved latched-acknowledged", "latched latched-acknowledged"]);
});

test("an acknowledgement is not forgotten by shelving, and is asked for anew after its time", async () => {
  const line = await shelved(true, { realarm: ms(60_000) });
  await line.clock.pass(10_000);
  expect(told(line)).toEqual(["unshelved acknowledged"]);
  await line.clock.pass(60_000);
  expect(told(line).slice(1)).toEqual(["realarmed unacknowledged"]);
  const unknown = await shelved(false);
  await unknown.clock.pass(10_000);
  expect(told(unknown)).toEqual(["unshelved unacknowledged"]);
});

test("what is put aside by a person tells nothing of its being suppressed", async () => {
  const line = testAlerts(alertsOf(rule({ suppressWhile })));
  await line.service.request(name, shelve);
  for (const on of [true, false, true]) await line.read(on, "press-1/maintenance");
  await line.service.request(name, { kind: "unshelve", ...anna });
  expect(told(line)).toEqual(["shelved shelved", "unshelved suppressed"]);
  await line.read(false, "press-1/maintenance");
  expect(told(line).slice(2)).toEqual(["unsuppressed normal"]);
  await line.service.request(name, { kind: "out-of-service", ...anna });
  for (const on of [true, false]) await line.read(on, "press-1/maintenance");
  expect(told(line)).toHaveLength(4);
});

test("shelving takes no longer than was asked for, whatever the clock did while the gateway was away", async () => {
  const year = 365 * 86_400_000;
  for (const forget of [false, true]) {
    const first = await shelved(true);
    await first.service.stop();
    const store = new FakeStore();
    for (const [key, value] of first.store.disk)
      store.disk.set(key, forget ? value.replace(/,"forMs":\d+/, "") : value);
    first.clock.time -= year;
    const second = testAlerts(alertsOf(rule()), { store, clock: first.clock });
    const until = second.service.list()[0]?.["shelvedUntil"];
    // What an earlier version stored says not for how long: for no longer than can be asked for.
    expect(until).toBe(second.clock.now() + (forget ? 7 * 86_400_000 : 10_000));
    await second.clock.pass(10_000);
    expect(second.stateOf()).toBe(forget ? "shelved" : "acknowledged");
  }
});

test("an edit that takes realarm away ends it, and one that brings it counts from then on", async () => {
  const with1m = alertsOf(rule({ realarm: ms(60_000) }));
  const line = testAlerts(with1m);
  await line.read(210);
  await line.service.request(name, { kind: "acknowledge", ...anna });
  await line.service.apply(alertsOf(rule()));
  await line.clock.pass(120_000);
  expect(line.story()).toEqual(["overpressure raised", "overpressure acknowledged"]);
  await line.service.apply(with1m);
  await line.clock.pass(59_999);
  expect(line.stateOf()).toBe("acknowledged");
  await line.clock.pass(1);
  expect(line.stateOf()).toBe("unacknowledged");
});
