import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import type { TagValue } from "../../domain/reading.ts";
import { changeFold } from "./on-change.ts";
import { addToSketch, emptySketch, percentileError, percentileOf } from "./percentiles.ts";
import { folded, named, observed } from "./testing.ts";
import { bandEnergies } from "./vibration.ts";
import type { WindowRule } from "./window-figures.ts";
import { windowFold } from "./window-fold.ts";

const base = { kind: "window", stream: "telemetry", every: ms(60_000), lateness: ms(0) } as const;

/** The one window of values that come a second apart. */
function windowOf(rule: WindowRule, values: readonly TagValue[]): Record<string, unknown> {
  const fold = windowFold(rule);
  const { rows } = folded(
    fold,
    values.map((value, index) => ({ reading: observed(1_000 * index, value), at: 1_000 * index })),
  );
  return named(fold, rows[0]);
}

test("a percentile is within its error of the value by nearest rank", () => {
  const value = fc.oneof(
    fc.double({ min: -1e4, max: 1e4, noNaN: true }).filter((one) => one === 0 || Math.abs(one) > 1e-4),
    fc.constant(0),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), fc.integer({ min: 1, max: 100 }), (values, share) => {
      const sketch = emptySketch();
      for (const one of values) addToSketch(sketch, one);
      const sorted = values.toSorted((one, other) => one - other);
      const exact = sorted[Math.max(1, Math.ceil((share / 100) * values.length)) - 1] ?? 0;
      const found = percentileOf(sketch, share) ?? NaN;
      expect(Math.abs(found - exact)).toBeLessThanOrEqual(percentileError * Math.abs(exact) * 1.000001);
    }),
  );
});

test("a sketch of values over forty powers of ten stays small", () => {
  const sketch = emptySketch();
  for (let power = -20; power < 20; power += 0.005) addToSketch(sketch, 10 ** power);
  expect(sketch.positive.length).toBe(1_024);
  expect(percentileOf(sketch, 100)).toBeGreaterThan(9e19 * (1 - percentileError));
});

test("bands from 0 to half the sample rate add up to the mean square (Parseval)", () => {
  const sampleRate = 1_000;
  const bands = [
    [0, 7],
    [7, 120],
    [120, 333.3],
    [333.3, 500],
  ] as const;
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 2, maxLength: 300 }),
      (samples) => {
        const meanSquare = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
        const energies = bandEnergies(Float64Array.from(samples), { sampleRate, bands });
        expect(energies.reduce((sum, energy) => sum + energy, 0)).toBeCloseTo(meanSquare, 9);
      },
    ),
  );
});

test("a sine shows its level, its shape and its band", () => {
  const wave = Array.from(
    { length: 1_024 },
    (_, index) => 5 + 2 * Math.sin((2 * Math.PI * 50 * index) / 1_024),
  );
  const vibration = {
    sampleRate: 1_024,
    bands: [
      [10, 100],
      [100, 400],
    ],
  } as const;
  const figures = windowOf({ ...base, values: ["rms", "peak", "crest", "kurtosis", "count"], vibration }, [
    wave,
    wave,
  ]);
  expect(figures["rms"]).toBeCloseTo(Math.SQRT2, 9);
  expect(figures["peak"]).toBeCloseTo(2, 3);
  expect(figures["crest"]).toBeCloseTo(Math.SQRT2, 3);
  expect(figures["kurtosis"]).toBeCloseTo(1.5, 9);
  expect(figures["band 10-100"]).toBeCloseTo(2, 9);
  expect(figures["band 100-400"]).toBeCloseTo(0, 9);
  expect(figures["count"]).toBe(2);
});

test.each([
  ["goes on", undefined, [10, 15, 15, 40], 30],
  ["rolls over", 65_536, [65_500, 65_530, 4, 9], 45],
  ["is reset", 65_536, [1_000, 1_010, 3], 13],
  ["is reset, with no rollover", undefined, [40_000, 40_010, 3], 13],
  ["has 64 bits", 2 ** 64, [2n ** 64n - 2n, 1n, 2n ** 60n + 1n], 3n + 2n ** 60n],
])("a counter that %s", (_, rollover, values, increase) => {
  const rule = {
    ...base,
    values: ["increase", "max"] as const,
    ...(rollover === undefined ? {} : { rollover }),
  };
  expect(windowOf(rule, values)["increase"]).toBe(increase);
});

test("64-bit integers lose no digit, and booleans give the share of the time", () => {
  const wide = 2n ** 63n - 1n;
  const rule = { ...base, values: ["min", "max", "last", "sum"] as const };
  expect(windowOf(rule, [wide, wide - 1n])).toMatchObject({
    min: wide - 1n,
    max: wide,
    last: wide - 1n,
    sum: 2n * wide - 1n,
  });
  expect(windowOf({ ...base, values: ["mean"] }, [true, false, false, true, true])["mean"]).toBe(0.5);
});

test("what stands still has exactly its value for a mean", () => {
  expect(windowOf({ ...base, values: ["mean"] }, [0.1, 0.1, 0.1, 0.1])["mean"]).toBe(0.1);
});

test("on change: what leaves the deadband, what turns bad, and what was told long ago", () => {
  const fold = changeFold({ kind: "onChange", stream: "telemetry", deadband: 0.5, atLeastEvery: ms(10_000) });
  const list = [1, 1.4, 1.6, 1.2, null, null, 1.2, 1.2].map((value, index) =>
    observed(1_000 * index, value, value === null ? "bad" : "good"),
  );
  const late = observed(17_000, 1.2);
  const { rows } = folded(
    fold,
    [...list, late].map((reading) => ({ reading, at: reading.time })),
  );
  expect(rows.map(({ time }) => time / 1_000)).toEqual([0, 2, 4, 6, 17]);
});
