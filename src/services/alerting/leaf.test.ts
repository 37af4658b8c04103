import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import type { Quality, TagValue } from "../../domain/reading.ts";
import { begin, dueAt, observe, resume, truthOf, type Leaf, type LeafState } from "./leaf.ts";

type Step = readonly [at: number, value: TagValue | null, tag?: string, quality?: Quality];

/** What holds after each step. */
function follow(leaf: Leaf, steps: readonly Step[]): (boolean | null)[] {
  let state: LeafState = begin(leaf, 0);
  return steps.map(([at, value, tag = "t", quality = value === null ? "bad" : "good"]) => {
    state = observe(leaf, state, { kind: "reading", tag, value, quality, timestamp: at }, at);
    return truthOf(leaf, state, at);
  });
}

const values = (...given: readonly (TagValue | null)[]): Step[] => given.map((value, at) => [at, value]);

test("a limit is passed above it and left at the deadband's end", () => {
  const leaf: Leaf = { kind: "above", tag: "t", limit: 200, deadband: 5 };
  expect(follow(leaf, values(200, 200.1, 196, 195, 196))).toEqual([false, true, true, false, false]);
  const below: Leaf = { kind: "below", tag: "t", limit: 10, deadband: 1 };
  expect(follow(below, values(10, 9, 10.9, 11))).toEqual([false, true, true, false]);
});

test("outside a band both of its ends have their deadband", () => {
  const leaf: Leaf = { kind: "outside", tag: "t", low: 10, high: 20, deadband: 1 };
  const seen = follow(leaf, values(15, 21, 19.5, 19, 9, 10.5, 11));
  expect(seen).toEqual([false, true, true, false, true, true, false]);
});

test("a bad value changes nothing, and nothing is known before the first good one", () => {
  const leaf: Leaf = { kind: "above", tag: "t", limit: 200, deadband: 0 };
  expect(follow(leaf, values(null, 250, null, "text", 100))).toEqual([null, true, true, true, false]);
});

test("a 64-bit integer is compared as the number that it is shown as", () => {
  const leaf: Leaf = { kind: "above", tag: "t", limit: 200, deadband: 0 };
  expect(follow(leaf, values(100n, 300n))).toEqual([false, true]);
});

test("values are compared with their type", () => {
  expect(follow({ kind: "is", tag: "t", value: true }, values(false, 1, true))).toEqual([false, false, true]);
  expect(follow({ kind: "isNot", tag: "t", value: "AUTO" }, values("AUTO", "MANUAL"))).toEqual([false, true]);
});

test("a change holds for its time", () => {
  const leaf: Leaf = { kind: "changes", tag: "t", holdFor: ms(1_000) };
  const steps: Step[] = [
    [0, 5],
    [100, 5],
    [200, 6],
    [1_199, 6],
    [1_200, 6],
  ];
  expect(follow(leaf, steps)).toEqual([false, false, true, true, false]);
});

test("two tags deviate when both have been seen", () => {
  const leaf: Leaf = { kind: "deviation", tag: "t", from: "u", limit: 5, deadband: 1 };
  const steps: Step[] = [
    [0, 10],
    [1, 16, "u"],
    [2, 11.5],
    [3, 12],
  ];
  expect(follow(leaf, steps)).toEqual([null, true, true, false]);
});

test("a tag is stale when nothing good came for that long, and fresh with the next good value", () => {
  const leaf: Leaf = { kind: "stale", tag: "t", after: ms(1_000) };
  const first = begin(leaf, 0);
  expect(truthOf(leaf, first, 999)).toBeNull();
  expect(truthOf(leaf, first, 1_000)).toBe(true);
  expect(dueAt(leaf, first, 0)).toBe(1_000);
  const steps: Step[] = [
    [500, 1],
    [1_400, null],
    [1_500, null],
    [1_600, 1],
  ];
  expect(follow(leaf, steps)).toEqual([false, false, true, false]);
});

test("a tag that was stale before a restart is neither fresh nor stale until it is seen or its time is over", () => {
  const leaf: Leaf = { kind: "stale", tag: "t", after: ms(1_000) };
  const resumed = resume(leaf, { truth: false, at: 0 }, 5_000);
  expect(truthOf(leaf, resumed, 5_999)).toBeNull();
  expect(truthOf(leaf, resumed, 6_000)).toBe(true);
});

test("quality is what counts where quality is asked for", () => {
  const bad: Leaf = { kind: "bad", tag: "t", uncertain: false };
  const unsure: Leaf = { kind: "bad", tag: "t", uncertain: true };
  const steps: Step[] = [
    [0, 1],
    [1, 1, "t", "uncertain"],
    [2, null],
  ];
  expect(follow(bad, steps)).toEqual([false, false, true]);
  expect(follow(unsure, steps)).toEqual([false, true, true]);
});

test("a device is offline when its state says so, and nothing is known before", () => {
  const leaf: Leaf = { kind: "offline", device: "press-1" };
  let state = begin(leaf, 0);
  expect(truthOf(leaf, state, 0)).toBeNull();
  const seen = [];
  for (const online of [true, false, true]) {
    state = observe(leaf, state, { kind: "device", device: "press-1", online }, 0);
    seen.push(truthOf(leaf, state, 0));
  }
  expect(seen).toEqual([false, true, false]);
});

test("edges are counted within their time, and only as many are kept as are asked for", () => {
  const leaf: Leaf = {
    kind: "count",
    of: { kind: "edge", tag: "t", edge: "rise" },
    atLeast: 2,
    within: ms(100),
  };
  const steps: Step[] = [
    [0, false],
    [10, true],
    [20, false],
    [50, true],
    [109, true],
    [110, true],
  ];
  expect(follow(leaf, steps)).toEqual([false, false, false, true, true, false]);
  let state = begin(leaf, 0);
  for (let at = 0; at < 50; at += 1)
    state = observe(
      leaf,
      state,
      { kind: "reading", tag: "t", value: at % 2, quality: "good", timestamp: at },
      at,
    );
  expect(state.times).toHaveLength(2);
});

test("events of the line are counted", () => {
  const leaf: Leaf = {
    kind: "count",
    of: { kind: "line", station: "weld", event: "late" },
    atLeast: 2,
    within: ms(100),
  };
  let state = begin(leaf, 0);
  for (const [at, event] of [
    [0, "late"],
    [10, "missed"],
    [20, "late"],
  ] as const)
    state = observe(leaf, state, { kind: "line", station: "weld", event }, at);
  expect(truthOf(leaf, state, 99)).toBe(true);
  expect(dueAt(leaf, state, 20)).toBe(100);
  expect(truthOf(leaf, state, 100)).toBe(false);
});
