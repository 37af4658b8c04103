import fc from "fast-check";
import { expect, test } from "vitest";
import type { Completion } from "../../config/line.ts";
import type { TagValue } from "../../domain/reading.ts";
import { newWatch, observe, type Observed } from "./completion.ts";

const edge: Completion = { tag: "p/d", kind: "edge", edge: "rise" };
const counts: Completion = { tag: "p/c", kind: "counter", most: 100, rollover: "65536" };

/** What each value says after those before it; null is a bad one. */
function observeAll(rule: Completion, values: readonly (TagValue | null)[]): readonly Observed[] {
  let watch = newWatch(rule);
  return values.map((value) => {
    const seen = observe(rule, watch, value, value !== null);
    watch = seen.watch;
    return seen;
  });
}

function last(rule: Completion, values: readonly (TagValue | null)[]): Observed | undefined {
  return observeAll(rule, values).at(-1);
}

const parts = (rule: Completion, values: readonly (TagValue | null)[]) =>
  observeAll(rule, values).map((seen) => seen.parts);

test("the first value says where things stand, and finishes nothing", () => {
  expect(parts(edge, [true, true, false, true, true])).toEqual([0, 0, 0, 1, 0]);
  expect(parts({ ...edge, edge: "fall" }, [true, false, false, true, false])).toEqual([0, 1, 0, 0, 1]);
  expect(parts(counts, [17, 18, 18, 19])).toEqual([0, 1, 0, 1]);
});

test("a value that is reached counts once, and again after it was left by as much as the mapping says", () => {
  const weight: Completion = { tag: "p/w", kind: "reaches", reaches: 100, rearm: 90 };
  expect(parts(weight, [80, 101, 99, 102, 89, 100])).toEqual([0, 1, 0, 0, 0, 1]);
  const phase: Completion = { tag: "p/p", kind: "equals", equals: 3 };
  expect(parts(phase, [1, 3, 3n, 0, 3])).toEqual([0, 1, 0, 0, 1]);
  expect(parts({ ...phase, equals: "DONE" }, ["RUN", "DONE", "DONE"])).toEqual([0, 1, 0]);
});

test("a counter that jumped by three gives three parts, recovered", () => {
  expect(last(counts, [5, 8])).toMatchObject({ parts: 3, recovered: true, rollover: false });
  expect(last(counts, [5, 6])).toMatchObject({ parts: 1, recovered: false });
});

test("what happened while the tag was bad is recovered: one part or more, an edge too", () => {
  expect(last(counts, [5, null, 6])).toMatchObject({ parts: 1, recovered: true });
  expect(last(counts, [5, null, 5])).toMatchObject({ parts: 0, recovered: false });
  expect(last(edge, [false, null, true])).toMatchObject({ parts: 1, recovered: true });
  expect(last(edge, [true, null, true])).toMatchObject({ parts: 0 });
});

test("a counter that is full begins at 0 again: the parts are counted on, and it is said", () => {
  expect(last(counts, [65_534, 1])).toMatchObject({ parts: 3, rollover: true, recovered: true });
  expect(last(counts, [65_535, 0])).toMatchObject({ parts: 1, rollover: true, recovered: false });
  const wide: Completion = { tag: "p/c", kind: "counter", most: 10, rollover: (2n ** 64n).toString() };
  expect(last(wide, [2n ** 64n - 1n, 1n])).toMatchObject({ parts: 2, rollover: true });
  expect(last(wide, ["18446744073709551614", "18446744073709551615"])).toMatchObject({ parts: 1 });
});

test("a counter that was reset, or jumped too far, gives no parts and says from where to where", () => {
  expect(last(counts, [500, 3])).toMatchObject({
    parts: 0,
    lost: { reason: "counter-reset", from: "500", to: "3" },
  });
  expect(last(counts, [500, 700])).toMatchObject({
    parts: 0,
    lost: { reason: "counter-jumped", from: "500", to: "700" },
  });
  expect(parts(counts, [500, 3, 4])).toEqual([0, 0, 1]);
});

test("a counter that goes back a little and comes again counts nothing twice, and says so once", () => {
  const slow: Completion = { tag: "p/c", kind: "counter", most: 100 };
  for (const rule of [slow, counts]) {
    expect(parts(rule, [13, 12, 13, 14])).toEqual([0, 0, 0, 1]);
    expect(parts(rule, [20, 18, 19, 15, 22])).toEqual([0, 0, 0, 0, 2]);
    const told = observeAll(rule, [13, 12, 13, 12, 11, 13, 14, 13]).flatMap(({ lost }) => lost ?? []);
    expect(told).toEqual([
      { reason: "counter-back", from: "13", to: "12" },
      { reason: "counter-back", from: "14", to: "13" },
    ]);
  }
  expect(last(counts, [65_535, 0, 65_535, 1])).toMatchObject({ parts: 1 });
});

test("a counter that shows a zero in between goes on where it was", () => {
  expect(parts(counts, [13, 0, 13, 14])).toEqual([0, 0, 0, 1]);
  expect(parts(counts, [13, 0, 15])).toEqual([0, 0, 2]);
  expect(parts(counts, [13, null, 0, null, 13])).toEqual([0, 0, 0, 0, 0]);
  // Within `most` of its end it is the counter come round, and what comes after it is told.
  expect(parts(counts, [65_436, 0])).toEqual([0, 100]);
  expect(last(counts, [65_436, 0, 65_436])).toMatchObject({ parts: 0, lost: { reason: "counter-jumped" } });
  // One that was reset and went on while nobody listened is another thing.
  expect(parts(counts, [13, 0, null, 15])).toEqual([0, 0, 0, 15]);
});

test("a counter that was reset counts on from where it stands, however low it was", () => {
  expect(parts(counts, [3, 0, 1, 2, 3, 4])).toEqual([0, 0, 1, 1, 1, 1]);
  expect(parts(counts, [1, 0, 1])).toEqual([0, 0, 1]);
  expect(parts(counts, [5, 1, 2])).toEqual([0, 0, 1]);
  expect(last(counts, [3, 0])).toMatchObject({ lost: { reason: "counter-reset" } });
  expect(parts(counts, [500, 400, 401])).toEqual([0, 0, 1]);
  expect(parts(counts, [500, 0, 1, 2])).toEqual([0, 0, 1, 1]);
});

test("a small range does not make parts of a reset, nor of a bounce", () => {
  const small: Completion = { tag: "p/c", kind: "counter", most: 100, rollover: "100" };
  expect(last(small, [60, 0])).toMatchObject({ parts: 0, lost: { reason: "counter-reset" } });
  expect(parts(small, [13, 12, 13])).toEqual([0, 0, 0]);
  expect(parts(small, [98, 2, 3])).toEqual([0, 4, 1]);
  expect(parts(small, [1, 99, 1, 2])).toEqual([0, 0, 0, 1]);
  const digit: Completion = { tag: "p/c", kind: "counter", most: 100, rollover: "10" };
  expect(parts(digit, [8, 9, 0, 1])).toEqual([0, 1, 1, 1]);
});

test("whatever old values come in between, what is given is what the counter truly rose by", () => {
  const glitch = fc.oneof(
    { weight: 3, arbitrary: fc.array(fc.integer({ min: 1, max: 10 }), { maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constant("zero" as const) },
  );
  fc.assert(
    fc.property(
      fc.constantFrom(undefined, "65536"),
      fc.integer({ min: 20, max: 65_535 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 100 }), glitch), { maxLength: 40 }),
      (rollover, begin, steps) => {
        const rule: Completion = { tag: "p/c", kind: "counter", most: 100, ...(rollover && { rollover }) };
        const shown = (count: number) => (rollover === undefined ? count : count % 65_536);
        let count = begin;
        const values = steps.flatMap(([step, back]) => {
          count += step;
          if (shown(count) < 21) return [shown(count)];
          // Within `most` of its end a zero is the counter come round, whatever was meant.
          if (back === "zero" && rollover !== undefined && 65_536 - shown(count) <= 100)
            return [shown(count)];
          return back === "zero"
            ? [shown(count), 0, shown(count)]
            : [shown(count), ...back.map((by) => shown(count - by))];
        });
        const given = parts(rule, [begin, ...values]).reduce((sum, one) => sum + one, 0);
        expect(given).toBe(count - begin);
      },
    ),
  );
});

test("however a counter is sampled, and wherever it is full, all its parts are given once", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 65_535 }),
      fc.array(fc.option(fc.integer({ min: 0, max: 100 })), { maxLength: 40 }),
      (begin, steps) => {
        let count = begin;
        const values = steps.map((step) => {
          if (step === null) return null;
          count = (count + step) % 65_536;
          return count;
        });
        const made = steps.reduce((sum: number, step) => sum + (step ?? 0), 0);
        const given = parts(counts, [begin, ...values]).reduce((sum, one) => sum + one, 0);
        expect(given).toBe(made);
      },
    ),
  );
});

test("a reading that says nothing new leaves the very same watch, so that nothing is stored", () => {
  for (const [rule, value] of [
    [edge, true],
    [counts, 5],
  ] as const) {
    const { watch } = observe(rule, newWatch(rule), value, true);
    expect(observe(rule, watch, value, true).watch).toBe(watch);
    const bad = observe(rule, watch, null, false).watch;
    expect(observe(rule, bad, null, false).watch).toBe(bad);
  }
});
