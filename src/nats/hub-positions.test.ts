import fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { memoryStore } from "../store/testing.ts";
import { HubPositions, type Found } from "./hub-positions.ts";

const away = { incarnation: 1, taken: undefined, linked: false } as const;
const silent = { incarnation: 1, taken: undefined, linked: true } as const;

function positions(store = memoryStore()): HubPositions {
  const made = new HubPositions(store, systemClock);
  made.load();
  return made;
}

/** A look after another one; how many were found to be lost. */
const follow = (at: HubPositions, found: Found) => at.follow("EVENTS", found).lost;

test("what the stream drops while the hub was never reached is lost, over a restart too", async () => {
  const store = memoryStore();
  const first = positions(store);
  // As nats-server says of a stream that nothing was ever in.
  expect(follow(first, { ...away, first: 0, last: 0 })).toBe(0);
  expect(follow(first, { ...away, first: 1, last: 10 })).toBe(0);
  expect(follow(first, { ...away, first: 101, last: 2_000 })).toBe(100);
  await first.keep(true);
  const second = positions(store);
  expect(follow(second, { ...away, first: 151, last: 2_100 })).toBe(50);
  expect(second.lost("EVENTS")).toBe(50);
});

test("what a stream had dropped before there was a hub is history; the next incarnation's first message is not", () => {
  const at = positions();
  expect(follow(at, { ...away, first: 5_001, last: 9_000 })).toBe(0);
  expect(follow(at, { ...away, first: 5_011, last: 9_010 })).toBe(10);
  expect(follow(at, { ...away, incarnation: 2, first: 4, last: 50 })).toBe(3);
});

test("a hub that does not say what it has is taken to have what was there at the look before", () => {
  const at = positions();
  expect(at.follow("EVENTS", { ...away, first: 1, last: 10 }).seq).toBe(0);
  expect(at.follow("EVENTS", { ...silent, first: 1, last: 20 }).seq).toBe(0);
  expect(at.follow("EVENTS", { ...silent, first: 1, last: 30 }).seq).toBe(20);
  expect(follow(at, { ...silent, first: 21, last: 40 })).toBe(0);
  expect(at.follow("EVENTS", { ...silent, taken: { seq: 25 }, first: 21, last: 50 })).toMatchObject({
    seq: 25,
    lost: 0,
  });
  expect(follow(at, { ...away, first: 31, last: 60 })).toBe(5);
});

test("a hub whose stream was made anew has only what it says from then on", () => {
  const at = positions();
  const look = (seq: number, of: string) =>
    at.follow("EVENTS", { ...silent, taken: { seq, of }, first: 1, last: 50 }).seq;
  expect([look(40, "EVENTS 1"), look(30, "EVENTS 1"), look(5, "EVENTS 2"), look(12, "EVENTS 2")]).toEqual([
    40, 40, 5, 12,
  ]);
  expect(at.known("EVENTS")).toMatchObject({ seq: 12, of: "EVENTS 2" });
});

test("a state of an earlier version is gone on with", async () => {
  const store = memoryStore();
  await store.change([
    { scope: "hub", key: "EVENTS", value: JSON.stringify({ incarnation: 1, seq: 7, isKnown: false }) },
  ]);
  const at = positions(store);
  expect(follow(at, { ...away, first: 11, last: 60 })).toBe(3);
});

test("whatever a hub says that comes and goes, what is dropped beyond it is counted, once", () => {
  const step = fc.record({
    sent: fc.nat(20),
    dropped: fc.nat(20),
    taken: fc.option(fc.nat(20), { nil: undefined }),
    restart: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const store = memoryStore();
      let at = positions(store);
      let [first, last, has, lost] = [1, 0, 0, 0];
      let counted = follow(at, { ...away, first, last });
      for (const { sent, dropped, taken, restart } of steps) {
        last += sent;
        if (taken !== undefined) has = Math.min(last, Math.max(has, first - 1) + taken);
        const before = first;
        first = Math.min(last + 1, first + dropped);
        lost += Math.max(0, first - Math.max(before, has + 1));
        const linked = taken !== undefined;
        counted += follow(at, {
          incarnation: 1,
          first,
          last,
          linked,
          taken: linked ? { seq: has } : undefined,
        });
        void at.keep(true);
        if (restart) at = positions(store);
      }
      expect(counted).toBe(lost);
    }),
  );
});
