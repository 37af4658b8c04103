import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import type { Observed } from "./fold.ts";
import { folded, named, observed, said, type Arrival } from "./testing.ts";
import type { WindowRule } from "./window-figures.ts";
import { windowFold, type WindowState } from "./window-fold.ts";

const rule: WindowRule = {
  kind: "window",
  stream: "telemetry",
  every: ms(10_000),
  lateness: ms(2_000),
  values: ["mean", "min", "max", "first", "last", "count", "sum", "stddev"],
};
const fold = windowFold(rule);
const began = 1_795_370_000_000;

const reading = fc.record({
  gap: fc.integer({ min: 1, max: 9_000 }),
  delay: fc.integer({ min: 0, max: 2_000 }),
  value: fc.integer({ min: -1_000, max: 1_000 }),
  good: fc.boolean(),
});

/** Readings that come up to the lateness after their time, and so out of order. */
const arrivals = fc.array(reading, { minLength: 1, maxLength: 40 }).map((steps): Arrival[] => {
  let time = began;
  return steps
    .map(({ gap, delay, value, good }) => {
      time += gap;
      return { reading: observed(time, value / 10, good ? "good" : "bad", time), at: time + delay };
    })
    .sort((one, other) => one.at - other.at);
});

/** What the windows of readings in order must say, reckoned from all of them at once. */
function bruteForce(readings: readonly Observed[]) {
  const end = readings.at(-1)?.time ?? 0;
  const starts = new Set<number>();
  const spans = readings.map((one, index) => ({ one, from: one.time, to: readings[index + 1]?.time ?? end }));
  for (const { one, from, to } of spans) {
    starts.add(Math.floor(from / rule.every) * rule.every);
    if (one.quality !== "good") continue;
    for (let start = Math.floor(from / rule.every) * rule.every; start < to; start += rule.every)
      starts.add(start);
  }
  return [...starts]
    .sort((one, other) => one - other)
    .map((start) => {
      const inside = readings.filter(({ time }) => time >= start && time < start + rule.every);
      const values = inside.filter(({ quality }) => quality === "good").map(({ value }) => Number(value));
      let [covered, area] = [0, 0];
      for (const { one, from, to } of spans) {
        const span = Math.min(to, start + rule.every) - Math.max(from, start);
        if (one.quality !== "good" || span <= 0) continue;
        covered += span;
        area += span * Number(one.value);
      }
      const sum = values.reduce((total, value) => total + value, 0);
      const mean = sum / values.length;
      const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
      return {
        time: start,
        coverage: covered / rule.every,
        count: values.length,
        first: values[0] ?? null,
        last: values.at(-1) ?? null,
        min: values.length > 0 ? Math.min(...values) : null,
        max: values.length > 0 ? Math.max(...values) : null,
        sum,
        mean: covered > 0 ? area / covered : values.length > 0 ? mean : null,
        stddev: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null,
      };
    });
}

/** What differs; the order in which floats are added is no difference. */
function differences(row: Record<string, unknown>, wanted: Record<string, unknown>): readonly string[] {
  return Object.keys(wanted).filter((name) => {
    const [found, expected] = [row[name], wanted[name]];
    if (typeof found !== "number" || typeof expected !== "number") return found !== expected;
    return Math.abs(found - expected) > 1e-6;
  });
}

test("windows say what all their readings say, in whatever order these came", () => {
  fc.assert(
    fc.property(arrivals, (list) => {
      const output = folded(fold, list);
      const readings = list.map(({ reading }) => reading).sort((one, other) => one.time - other.time);
      expect(output.lateReadings).toBe(0);
      const wanted = bruteForce(readings);
      expect(output.rows.map(({ time }) => time)).toEqual(wanted.map(({ time }) => time));
      for (const [index, row] of output.rows.entries())
        expect(differences(named(fold, row), wanted[index] ?? {})).toEqual([]);
    }),
  );
});

/** Through the store, with nobody noticing. */
function stored(state: WindowState): WindowState {
  const { newestAt, suspectedAt, interrupted } = state.time;
  const again = fold.resume(fold.encode(state), 0) ?? fold.begin();
  Object.assign(again.time, { newestAt, suspectedAt, interrupted });
  return again;
}

test("the state loses nothing in the store, wherever it is stored, nor do ticks of the clock change a thing", () => {
  fc.assert(
    fc.property(arrivals, fc.array(fc.nat(1_000)), (list, ticks) => {
      const whole = folded(fold, list);
      const broken = folded(fold, list, (state, index, output) => {
        const until = (list[index + 1]?.at ?? 0) - (list[index]?.at ?? 0);
        const tick = ticks[index];
        if (tick !== undefined && tick < until) fold.advance(state, (list[index]?.at ?? 0) + tick, output);
        return stored(state);
      });
      expect(broken).toMatchObject({ rows: whole.rows, lateReadings: whole.lateReadings });
    }),
  );
});

test("of readings however late each is in its own window or counted", () => {
  const anyOrder = fc.array(
    fc.record({ time: fc.nat(60_000), at: fc.nat(60_000) }).map(({ time, at }) => ({
      reading: observed(began + time, 1),
      at: began + at,
    })),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(
    fc.property(anyOrder, (list) => {
      const inOrder = list.toSorted((one, other) => one.at - other.at);
      const { rows, lateReadings } = folded(fold, inOrder);
      let entered = 0;
      for (const row of rows) {
        const { time, count } = named(fold, row) as { time: number; count: number };
        const there = list.filter(
          ({ reading }) => Math.floor(reading.time / rule.every) * rule.every === time,
        );
        expect(count).toBeLessThanOrEqual(there.length);
        entered += count;
      }
      expect(entered + lateReadings).toBe(list.length);
    }),
  );
});

test("a window closes without a further reading, and what is held goes on into the next", () => {
  const output = said();
  const state = fold.begin();
  fold.take(state, observed(began, 5), 0, output);
  expect(fold.dueAt(state)).toBe(12_000);
  fold.advance(state, 11_999, output);
  expect(output.rows).toEqual([]);
  fold.advance(state, 22_000, output);
  expect(output.rows.map((row) => named(fold, row))).toMatchObject([
    { time: began, quality: "good", mean: 5, count: 1, coverage: 1 },
    { time: began + 10_000, quality: "good", mean: 5, count: 0, first: null, coverage: 1 },
  ]);
});

test("after a restart nothing is held for the time in which nobody looked", () => {
  const output = said();
  const state = fold.begin();
  fold.take(state, observed(began + 1_000, 5), 0, output);
  fold.take(state, observed(began + 2_000, 5), 1_000, output);
  const again = fold.resume(fold.encode(state), 50) ?? fold.begin();
  fold.take(again, observed(began + 8_000, 7), 60, output);
  fold.take(again, observed(began + 13_000, 7), 5_060, output);
  expect(named(fold, output.rows[0])).toMatchObject({ quality: "uncertain", coverage: 0.3, count: 3 });
});

test.each(["a gateway's", "a device's"])("%s clock that is set back an hour begins windows anew", () => {
  const output = said();
  const state = fold.begin();
  const hour = 3_600_000;
  for (let second = 0; second < 60; second += 1) {
    const back = second >= 30 ? hour : 0;
    fold.take(state, observed(began + 1_000 * second - back, second), 1_000 * second, output);
  }
  fold.finish(state, output);
  const rows = output.rows.map((row) => named(fold, row));
  expect(output.lateReadings).toBe(0);
  expect(rows.reduce((sum, { count }) => sum + Number(count), 0)).toBe(60);
  expect(rows.map(({ time }) => Number(time) - began)).toEqual([
    0,
    10_000,
    20_000,
    30_000 - hour,
    40_000 - hour,
    50_000 - hour,
  ]);
});

test("one reading from the far future holds nothing up", () => {
  const output = said();
  const state = fold.begin();
  for (let second = 0; second < 40; second += 1) {
    const time = second === 10 ? began + 1e12 : began + 1_000 * second;
    fold.take(state, observed(time, 1), 1_000 * second, output);
  }
  fold.finish(state, output);
  expect(output.rows.length).toBeLessThan(8);
  const counts = output.rows.map((row) => Number(named(fold, row)["count"]));
  expect(counts.reduce((sum, count) => sum + count, 0) + output.lateReadings).toBe(40);
});

test("bad and uncertain readings end what is held and do not enter", () => {
  const list = [
    observed(began, 4),
    observed(began + 5_000, 900, "uncertain"),
    observed(began + 9_000, null, "bad"),
  ];
  const { rows } = folded(
    fold,
    list.map((reading) => ({ reading, at: reading.time })),
  );
  expect(named(fold, rows[0])).toMatchObject({
    coverage: 0.5,
    mean: 4,
    max: 4,
    count: 1,
    quality: "uncertain",
  });
});

interface Step {
  readonly gap: number;
  readonly good: boolean;
}

/** Good readings by a device's clock and bad ones by the gateway's, which is so far behind it; or all of them by the device's. */
function ofTwoClocks(steps: readonly Step[], ahead: number, status: string) {
  let at = 0;
  const list = [{ gap: 1, good: true }, ...steps].map(({ gap, good }, index) => {
    at += gap;
    return { at, good, index };
  });
  return (badBehind: number): Arrival[] =>
    list.map(({ at: now, good, index }) => ({
      at: now,
      reading: observed(
        began + now + ahead - (good ? 0 : badBehind),
        index,
        good ? "good" : "bad",
        index,
        status,
      ),
    }));
}

const hours = 3_600_000;
const nearAndFar = fc.oneof(
  fc.integer({ min: -2 * hours, max: 2 * hours }),
  fc.integer({ min: -12_000, max: 4_000 }),
);
const farAlone = nearAndFar.filter((ahead) => ahead > rule.lateness || ahead < -10_000);

test.each([
  { by: "the gateway itself", status: "DeviceOffline", differences: nearAndFar },
  { by: "anything else, of a clock far off", status: "BadPayload", differences: farAlone },
])(
  "a bad reading by $by ends what holds when it comes, whatever its time says",
  ({ status, differences }) => {
    const step = fc.record({ gap: fc.integer({ min: 1, max: 30_000 }), good: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), differences, (steps, ahead) => {
        const arrivals = ofTwoClocks(steps, ahead, status);
        const [own, other] = [folded(fold, arrivals(0)), folded(fold, arrivals(ahead))];
        expect(other).toMatchObject({ rows: own.rows, lateReadings: 0 });
      }),
    );
  },
);

test("after a bad reading there is no good window by what was seen before, whatever the clocks say and whenever it is restarted", () => {
  const gaps = fc.array(fc.integer({ min: 100, max: 15_000 }), { minLength: 1, maxLength: 8 });
  const restart = fc.constantFrom("never", "before", "after");
  fc.assert(
    fc.property(gaps, gaps, nearAndFar, restart, (before, after, difference, restarted) => {
      const output = said();
      let state = fold.begin();
      let at = 0;
      const again = () => fold.resume(fold.encode(state), at) ?? fold.begin();
      for (const gap of before) {
        at += gap;
        fold.take(state, observed(began + at + difference, 5), at, output);
      }
      if (restarted === "before") state = again();
      at += 500;
      fold.take(state, observed(began + at, null, "bad", 1, "DeviceOffline"), at, output);
      const ends = began + at + difference;
      if (restarted === "after") state = again();
      for (const gap of after) {
        at += gap;
        fold.advance(state, at, output);
      }
      fold.advance(state, at + hours, output);
      fold.finish(state, output);
      const rows = output.rows.map((row) => named(fold, row));
      const beyond = rows.filter(({ time }) => Number(time) + rule.every > ends);
      expect(beyond.filter(({ quality }) => quality === "good")).toEqual([]);
    }),
  );
});

test("after a restart with no reading nothing holds either", () => {
  const output = said();
  const state = fold.begin();
  fold.take(state, observed(began + 1_000, 5), 0, output);
  const again = fold.resume(fold.encode(state), 50) ?? fold.begin();
  fold.advance(again, hours, output);
  expect(output.rows.map((row) => named(fold, row))).toMatchObject([
    { time: began, quality: "uncertain", count: 1, coverage: 0 },
  ]);
});
