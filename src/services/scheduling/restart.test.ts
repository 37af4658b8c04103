import fc from "fast-check";
import { expect, test } from "vitest";
import type { LineConfig, Prepare } from "../../config/line.ts";
import type { TagValue } from "../../domain/reading.ts";
import { FakeStore } from "../testing.ts";
import { after, counter, pressAndWelder, station, testLine, type Told } from "./testing.ts";

/** What the line's devices do, in the order in which they do it: the tag and what it holds from then on. */
const day: readonly (readonly [string, TagValue])[] = [
  ["press-1/strokes", 10],
  ["welder-1/parts", 3],
  ["welder-1/clamp", false],
  ["press-1/strokes", 11],
  ["welder-1/clamp", true],
  ["press-1/strokes", 12],
  ["welder-1/clamp", false],
  ["welder-1/parts", 4],
  ["press-1/strokes", 13],
  ["welder-1/clamp", true],
  ["welder-1/clamp", false],
  ["welder-1/parts", 5],
  ["welder-1/clamp", true],
  ["welder-1/parts", 6],
];
const strokes = 3;
/** The first commits learn where the counters stand. */
const known = 3;

function lineWith(repeat: Prepare["repeat"]): LineConfig {
  const welder = pressAndWelder({
    prepare: { repeat, writes: [{ tag: "welder-1/setpoint", value: 8.6 }], publications: [] },
  });
  const press = station("press", counter("press-1/strokes"));
  return { stations: [press, ...welder.stations.slice(1), station("store", after("weld"))] };
}

interface Death {
  /** So many commits are on disk, and heard of. */
  readonly commits: number;
  /** One more is on disk, and nobody heard of it. */
  readonly oneMore: boolean;
  /** So much of the day goes by before the gateway runs again. */
  readonly away: number;
  /** The welder can be reached only after so much more of the day. */
  readonly later: number;
}

/** The day in two lives: the first dies in the middle, the second goes on with its disk and sees the tags as they are. */
async function twoLives(config: LineConfig, { commits, oneMore, away, later }: Death) {
  const store = new FakeStore();
  store.diesAfter = commits;
  store.lastIsWritten = oneMore;
  const first = testLine(config, { store });
  let at = 0;
  for (; at < day.length && !store.isDead; at += 1) await first.read(...(day[at] ?? ["", 0]));
  const told = [...first.events];
  const firstWrites = first.writes.length;
  const back = Math.min(day.length, at + away);
  const disk = new FakeStore();
  for (const [key, value] of store.disk) disk.disk.set(key, value);
  const second = testLine(config, { store: disk, clock: first.clock, away: "welder-1" });
  await second.read("welder-1/clamp", null);
  const now = new Map(day.slice(0, back));
  for (const [tag, value] of now) await second.read(tag, value);
  // An operator looks at what was missed and goes on.
  const look = async () => {
    if (second.service.state.stations.get("weld")?.phase === "missed")
      await second.service.request({ kind: "resume", station: "weld", by: "anna" });
  };
  if (later === 0) await second.see("welder-1", "online");
  await look();
  for (const [index, [tag, value]] of [...day.slice(back), ["end", 0] as const].entries()) {
    if (index === later) await second.see("welder-1", "online");
    await second.read(tag, value);
    await look();
  }
  return {
    first: told,
    second: second.events,
    firstWrites,
    secondWrites: second.writes.length,
    state: second.service.state,
  };
}

/** Each event once, whichever life told it; the same sequence is the same event. */
function once(first: readonly Told[], second: readonly Told[]): readonly Told[] {
  const byNumber = new Map<string, Told>();
  for (const told of first) byNumber.set(`${told.station} ${told.sequence}`, told);
  const again = second.filter(({ station, sequence }) => byNumber.has(`${station} ${sequence}`));
  const before = again.map(({ station, sequence }) => byNumber.get(`${station} ${sequence}`));
  expect(again.map(({ event, part, repeated }) => [event, part, repeated])).toEqual(
    before.map((told) => [told?.event, told?.part, true]),
  );
  for (const told of second) byNumber.set(`${told.station} ${told.sequence}`, told);
  return [...byNumber.values()];
}

const death = fc.record({
  commits: fc.integer({ min: known, max: 36 }),
  oneMore: fc.boolean(),
  away: fc.integer({ min: 0, max: 6 }),
  later: fc.integer({ min: 0, max: 2 }),
});

test("killed at any step of a cycle: no part is lost and none is made twice", async () => {
  await fc.assert(
    fc.asyncProperty(death, fc.constantFrom("safe" as const, "ask" as const), async (given, repeat) => {
      const { first, second } = await twoLives(lineWith(repeat), given);
      const told = once(first, second);
      const finished = (name: string) =>
        told.filter(({ station, event }) => station === name && event === "complete");
      expect(finished("press").map(({ part }) => part)).toEqual(
        Array.from({ length: strokes }, (_, index) => `press-${index + 1}`),
      );
      expect(finished("weld").map(({ part }) => part)).toEqual(finished("press").map(({ part }) => part));
      expect(finished("store").map(({ part }) => part)).toEqual(finished("press").map(({ part }) => part));
      for (const name of ["press", "weld", "store"]) {
        const mine = told.filter(({ station }) => station === name).map(({ sequence }) => sequence);
        const last = Math.max(...mine);
        const gaps = Array.from({ length: last }, (_, index) => index + 1).filter((n) => !mine.includes(n));
        // A prepare that was perhaps never sent has its number, and the miss that says so comes after it.
        const open = repeat === "ask" ? "restart" : "overtaken";
        const said = told.filter(({ station, reason }) => station === name && reason === open).length;
        expect(gaps.length).toBeLessThanOrEqual(said);
      }
    }),
    { numRuns: 150 },
  );
});

test("killed at any step: a prepare that may not be repeated is never sent twice, and asked about where that is open", async () => {
  await fc.assert(
    fc.asyncProperty(death, async (given) => {
      const { first, second } = await twoLives(lineWith("ask"), given);
      const prepares = [...first, ...second].filter(
        ({ station, event }) => station === "weld" && event === "prepare",
      );
      expect(prepares.every(({ repeated }) => repeated === undefined)).toBe(true);
      expect(new Set(prepares.map(({ cycle }) => cycle)).size).toBe(prepares.length);
      const asked = second.filter(({ reason }) => reason === "restart").map(({ cycle }) => cycle);
      const toldOf = new Set([...prepares.map(({ cycle }) => cycle), ...asked]);
      const cycles = [...first, ...second].map(({ station, cycle }) =>
        station === "weld" ? Number(cycle ?? 0) : 0,
      );
      for (let cycle = 1; cycle <= Math.max(...cycles); cycle += 1) expect(toldOf).toContain(cycle);
    }),
    { numRuns: 150 },
  );
});

test("killed at any step: a setpoint is written again where it is open whether it was, and says that it is repeated", async () => {
  await fc.assert(
    fc.asyncProperty(death, async (given) => {
      const { first, second } = await twoLives(lineWith("safe"), given);
      expect(second.filter(({ reason }) => reason === "restart")).toEqual([]);
      const seen = new Set<unknown>();
      for (const { station, event, cycle, repeated } of [...first, ...second]) {
        if (station !== "weld" || event !== "prepare") continue;
        expect(seen.has(cycle) ? repeated : true).toBe(true);
        seen.add(cycle);
      }
    }),
    { numRuns: 100 },
  );
});

test("what happened while the gateway was away is recovered, and a confirmation gets its whole time again", async () => {
  const store = new FakeStore();
  const config = lineWith("ask");
  const first = testLine(config, { store });
  await first.read("press-1/strokes", 10);
  await first.read("press-1/strokes", 11);
  expect(first.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
  await first.clock.pass(20);
  first.clock.time += 60_000;
  const second = testLine(config, { store, clock: first.clock });
  await second.clock.pass(2_999);
  expect(second.story()).toEqual([]);
  await second.read("press-1/strokes", 13);
  expect(second.events).toMatchObject([
    { part: "press-2", recovered: true, nth: 1, of: 2 },
    { part: "press-3", recovered: true, nth: 2, of: 2 },
  ]);
  await second.clock.pass(1);
  expect(second.events[2]).toMatchObject({ event: "missed", reason: "not-confirmed", part: "press-1" });
});

test("a station that was held is held after the restart, by the same person", async () => {
  const store = new FakeStore();
  const first = testLine(lineWith("ask"), { store });
  await first.service.request({ kind: "hold", station: "weld", by: "anna", why: "die change" });
  const second = testLine(lineWith("ask"), { store });
  expect(second.service.state.stations.get("weld")?.held).toMatchObject({ by: "anna", why: "die change" });
});

test("what is written again after a restart waits until its device is there", async () => {
  const store = new FakeStore();
  const first = testLine(lineWith("safe"), { store });
  first.answers.next = () => new Promise(() => {});
  await first.read("press-1/strokes", 10);
  await first.read("press-1/strokes", 11);
  expect(first.writes).toHaveLength(1);
  await first.clock.pass(100);
  const second = testLine(lineWith("safe"), { store, away: "welder-1", clock: first.clock });
  await second.read("press-1/strokes", 11);
  expect(second.writes).toEqual([]);
  await second.see("welder-1", "online");
  expect(second.writes).toEqual(first.writes);
  expect(second.events).toMatchObject([{ event: "prepare", repeated: true, part: "press-1", cycle: 1 }]);
  await second.see("welder-1", "offline");
  await second.see("welder-1", "online");
  expect(second.writes).toHaveLength(1);
});

test("a station that is held is told nothing after a restart either, until it is resumed", async () => {
  const store = new FakeStore();
  const first = testLine(lineWith("safe"), { store });
  first.answers.next = () => new Promise(() => {});
  await first.read("press-1/strokes", 10);
  await first.read("press-1/strokes", 11);
  await first.service.request({ kind: "hold", station: "weld", by: "anna" });
  await first.clock.pass(100);
  const second = testLine(lineWith("safe"), { store, clock: first.clock });
  await second.read("press-1/strokes", 11);
  await second.clock.pass(60_000);
  expect(second.writes).toEqual([]);
  expect(second.story()).toEqual([]);
  await second.service.request({ kind: "resume", station: "weld", by: "anna" });
  expect(second.writes).toEqual(first.writes);
  await second.clock.pass(2_999);
  expect(second.story()).toEqual(["weld prepare press-1"]);
  await second.clock.pass(1);
  expect(second.story()).toEqual(["weld prepare press-1", "weld missed press-1"]);
});

test("after a restart a confirmation is waited for no longer than its time, wherever the wall clock went", async () => {
  const store = new FakeStore();
  const first = testLine(lineWith("ask"), { store });
  await first.read("press-1/strokes", 10);
  await first.read("press-1/strokes", 11);
  await first.clock.pass(100);
  const { clock } = first;
  clock.now = () => clock.time - 3_600_000;
  const second = testLine(lineWith("ask"), { store, clock });
  await second.clock.pass(3_000);
  expect(second.events).toMatchObject([{ event: "missed", reason: "not-confirmed" }]);
});

test("what an earlier version stored is read: a deadline by the wall clock, parts and counters without what was added since", async () => {
  const store = new FakeStore();
  const rule = JSON.stringify(counter("welder-1/parts").complete);
  const cycle = { number: 1, part: "press-1", parts: ["press-1"], from: "press", prepareId: 1, readAt: 9 };
  const state = {
    version: 1,
    phase: "preparing",
    cycle: { ...cycle, sentAt: 1_795_370_000_000, deadline: 1_795_370_003_000 },
    held: null,
    watch: { rule, last: "7", sure: true },
    waiting: { press: [{ part: "press-2", order: 2 }] },
    blockedBy: [],
    made: 0,
    arrived: 2,
    cycles: 1,
    sequence: 1,
    outbox: [],
  };
  store.disk.set("weld", JSON.stringify(state));
  const line = testLine(lineWith("ask"), { store });
  await line.clock.pass(2_999);
  expect(line.story()).toEqual([]);
  await line.clock.pass(1);
  await line.read("welder-1/clamp", true);
  await line.read("welder-1/parts", 8);
  expect(line.story().filter((one) => one.startsWith("weld"))).toEqual([
    "weld missed press-1",
    "weld confirmed press-1",
    "weld complete press-1",
    "weld prepare press-2",
  ]);
});
