import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { begin, observe, truthOf, type Leaf } from "./leaf.ts";
import { changeWithin, leavesAt, slide, type RateWindow } from "./rate.ts";

interface Sampled {
  readonly at: number;
  readonly value: number;
}

/** The most that a value which holds until the next one has risen and fallen since a time. */
function exact(samples: readonly Sampled[], since: number) {
  const before = samples.findLast(({ at }) => at <= since);
  const inside = samples.filter(({ at }) => at > since);
  const values = [...(before === undefined ? [] : [before]), ...inside].map(({ value }) => value);
  const last = values.at(-1) ?? 0;
  return { up: last - Math.min(...values), down: Math.max(...values) - last };
}

const samples = fc
  .array(fc.record({ pause: fc.integer({ min: 0, max: 400 }), value: fc.integer({ min: -50, max: 50 }) }), {
    minLength: 1,
    maxLength: 80,
  })
  .map((steps) => {
    let at = 1_000;
    return steps.map(({ pause, value }): Sampled => ({ at: (at += pause), value }));
  });

test("a change is that of the window, or of one that is longer by no more than a slice", () => {
  const over = 1_000;
  fc.assert(
    fc.property(samples, fc.integer({ min: 0, max: 1_500 }), (given, later) => {
      let window: RateWindow | undefined;
      for (const { at, value } of given) window = slide(window, value, at, at, over);
      const now = (given.at(-1)?.at ?? 0) + later;
      const found = window === undefined ? { up: 0, down: 0 } : changeWithin(window, over, now);
      const least = exact(given, now - over);
      const most = exact(given, now - over - over / 32);
      expect(found.up).toBeGreaterThanOrEqual(least.up);
      expect(found.up).toBeLessThanOrEqual(most.up);
      expect(found.down).toBeGreaterThanOrEqual(least.down);
      expect(found.down).toBeLessThanOrEqual(most.down);
      expect(window?.slices.length).toBeLessThanOrEqual(34);
    }),
  );
});

test("a jump is gone when it has left the window, with no further reading", () => {
  const leaf: Leaf = { kind: "rate", tag: "t", limit: 10, over: ms(1_000), direction: "up", deadband: 0 };
  let state = begin(leaf, 0);
  for (const [at, value] of [
    [0, 0],
    [5_000, 20],
  ] as const)
    state = observe(leaf, state, { kind: "reading", tag: "t", value, quality: "good", timestamp: at }, at);
  expect(truthOf(leaf, state, 5_000)).toBe(true);
  const leaves = state.window === undefined ? 0 : leavesAt(state.window, 1_000, 5_000);
  expect(leaves).toBe(6_000);
  expect(truthOf(leaf, state, 5_999)).toBe(true);
  expect(truthOf(leaf, state, 6_000)).toBe(false);
});

test("a change within one slice counts as long as any of it is in the window", () => {
  let window = slide(undefined, 0, 1_000, 1_000, 1_000);
  window = slide(window, -1, 1_026, 1_026, 1_000);
  expect(changeWithin(window, 1_000, 2_000)).toEqual({ up: 0, down: 1 });
  expect(leavesAt(window, 1_000, 2_000)).toBe(2_026);
  expect(changeWithin(window, 1_000, 2_026)).toEqual({ up: 0, down: 0 });
});

test("a ramp that is followed by silence leaves the window step by step, each at its time", () => {
  const ramp = [1, 2, 3].reduce(
    (window, step) => slide(window, step * 10, step * 200, step * 200, 1_000),
    slide(undefined, 0, 0, 0, 1_000),
  );
  const seen: number[][] = [];
  for (let now = 600; now < Infinity; now = leavesAt(ramp, 1_000, now))
    seen.push([now, changeWithin(ramp, 1_000, now).up]);
  expect(seen).toEqual([
    [600, 30],
    [1_000, 30],
    [1_200, 20],
    [1_400, 10],
    [1_600, 0],
  ]);
});

test("a source's clock that steps back begins a new window", () => {
  const first = slide(undefined, 100, 10_000, 0, 1_000);
  const second = slide(first, 0, 5_000, 10, 1_000);
  expect(changeWithin(second, 1_000, 10)).toEqual({ up: 0, down: 0 });
});

test("only the asked direction counts", () => {
  const leaf: Leaf = { kind: "rate", tag: "t", limit: 10, over: ms(1_000), direction: "down", deadband: 0 };
  let state = begin(leaf, 0);
  const truths = [0, 50, 20].map((value, at) => {
    state = observe(leaf, state, { kind: "reading", tag: "t", value, quality: "good", timestamp: at }, at);
    return truthOf(leaf, state, at);
  });
  expect(truths).toEqual([false, false, true]);
});
