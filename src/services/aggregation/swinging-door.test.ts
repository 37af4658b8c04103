import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import type { Observed, UploadRow } from "./fold.ts";
import { swingingDoorFold } from "./swinging-door.ts";
import { folded, observed, said } from "./testing.ts";

const rule = { kind: "swingingDoor", stream: "telemetry", deviation: 0.5, lateness: ms(2_000) } as const;
const fold = swingingDoorFold(rule);

const readings = fc
  .array(
    fc.record({
      gap: fc.integer({ min: 1, max: 5_000 }),
      value: fc.double({ min: -3, max: 3, noNaN: true }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((steps) => {
    let time = 1_795_370_000_000;
    return steps.map(({ gap, value }) => observed((time += gap), value));
  });

const arrivals = (list: readonly Observed[]) => list.map((reading) => ({ reading, at: reading.time }));

/** The value on the straight line between the rows around a time. */
function line(rows: readonly UploadRow[], time: number): number {
  const after = rows.findIndex((row) => row.time >= time);
  const [left, right] = [rows[Math.max(0, after - 1)], rows[after]];
  const [low, high] = [Number(left?.values[0]), Number(right?.values[0])];
  if (left === undefined || right === undefined || right.time === left.time) return high;
  return low + ((high - low) * (time - left.time)) / (right.time - left.time);
}

test("the line through the rows passes every reading within the deviation, and its ends are readings", () => {
  fc.assert(
    fc.property(readings, (list) => {
      const { rows } = folded(fold, arrivals(list));
      expect(rows[0]?.time).toBe(list[0]?.time);
      expect(rows.at(-1)?.time).toBe(list.at(-1)?.time);
      for (const { time, value } of list)
        expect(Math.abs(line(rows, time) - Number(value))).toBeLessThanOrEqual(rule.deviation + 1e-9);
    }),
  );
});

test("a straight line is two rows", () => {
  const list = Array.from({ length: 100 }, (_, index) => observed(1_000 * index, 0.25 * index));
  expect(folded(fold, arrivals(list)).rows.map(({ time }) => time)).toEqual([0, 99_000]);
});

test("the state loses nothing in the store", () => {
  fc.assert(
    fc.property(readings, (list) => {
      const broken = folded(fold, arrivals(list), (state) => {
        const { newestAt, suspectedAt, interrupted } = state.time;
        const again = fold.resume(fold.encode(state), 0) ?? fold.begin();
        Object.assign(again.time, { newestAt, suspectedAt, interrupted });
        return again;
      });
      expect(broken.rows).toEqual(folded(fold, arrivals(list)).rows);
    }),
  );
});

test("what stands still is told at least every so often, and a bad reading at once", () => {
  const often = swingingDoorFold({ ...rule, atLeastEvery: ms(60_000) });
  const output = said();
  const state = often.begin();
  for (let second = 0; second <= 30; second += 1)
    often.take(state, observed(1_000 * second, 5), 1_000 * second, output);
  expect(output.rows.map(({ time }) => time)).toEqual([0]);
  while (often.dueAt(state) < Infinity) often.advance(state, often.dueAt(state), output);
  expect(output.rows.map(({ time }) => time)).toEqual([0, 30_000]);
  often.take(state, observed(63_000, null, "bad"), 63_000, output);
  often.advance(state, 66_000, output);
  expect(output.rows.at(-1)).toMatchObject({ time: 63_000, quality: "bad", values: [null] });
});

test("a device that is gone ends its line, though its clock is an hour ahead of who says so", () => {
  const fold = swingingDoorFold({ ...rule, lateness: ms(2_000) });
  const hour = 3_600_000;
  const list = [
    { reading: observed(hour, 1), at: 0 },
    { reading: observed(hour + 1_000, 2), at: 1_000 },
    { reading: observed(6_000, null, "bad"), at: 6_000 },
  ];
  const { rows, lateReadings } = folded(fold, list);
  expect(rows.map(({ time, quality }) => [time - hour, quality])).toEqual([
    [0, "good"],
    [1_000, "good"],
    [6_000, "bad"],
  ]);
  expect(lateReadings).toBe(0);
});
