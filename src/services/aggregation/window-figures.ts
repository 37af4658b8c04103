import type { TagValue } from "../../domain/reading.ts";
import type { UploadRule } from "../../config/upload.ts";
import { asNumber } from "./fold.ts";
import { addToSketch, emptySketch, percentileOf, type Sketch } from "./percentiles.ts";
import {
  addSamples,
  bandFigure,
  emptyVibration,
  samplesOf,
  vibrationFigure,
  type Vibration,
} from "./vibration.ts";

export type WindowRule = Extract<UploadRule, { kind: "window" }>;

/** What is known of an open window. Plain data. */
export interface Figures {
  count: number;
  first: TagValue | null;
  last: TagValue | null;
  min: number | bigint | null;
  max: number | bigint | null;
  sum: number | bigint;
  /** What rounding took from `sum` (Neumaier). */
  rest: number;
  /** Welford. */
  mean: number;
  squares: number;
  /** ms of the window in which a good value was known, and the integral of its distance from `base` over them. */
  covered: number;
  base: number;
  area: number;
  increase: number | bigint;
  readonly sketch?: Sketch;
  readonly vibration?: Vibration;
}

export function emptyFigures({ values, vibration }: WindowRule): Figures {
  return {
    count: 0,
    first: null,
    last: null,
    min: null,
    max: null,
    sum: 0,
    rest: 0,
    mean: 0,
    squares: 0,
    covered: 0,
    base: 0,
    area: 0,
    increase: 0,
    ...(values.some(isPercentile) ? { sketch: emptySketch() } : {}),
    ...(vibration === undefined ? {} : { vibration: emptyVibration(vibration) }),
  };
}

/** The names of a window's values. Coverage is always among them. */
export function figureNames({ values, vibration }: WindowRule): readonly string[] {
  const bands = (vibration?.bands ?? []).map(([from, to]) => `band ${from}-${to}`);
  return [...values, ...bands, "coverage"];
}

/** A good reading enters. False where the rule has no use for its value. */
export function addReading(
  figures: Figures,
  rule: WindowRule,
  value: TagValue,
  previous: number | bigint | null,
): boolean {
  if (rule.vibration !== undefined && figures.vibration !== undefined) {
    const samples = samplesOf(value);
    if (samples === undefined) return false;
    addSamples(figures.vibration, samples, rule.vibration);
  } else {
    const number = asNumber(value);
    if (number !== undefined) addNumber(figures, typeof value === "bigint" ? value : number, number);
    else if (rule.values.some(needsNumbers)) return false;
    if (number !== undefined && previous !== null)
      addIncrease(figures, typeof value === "bigint" ? value : number, previous, rule.rollover);
    if (figures.count === 0) figures.first = value;
    figures.last = value;
  }
  figures.count += 1;
  return true;
}

/** A good value held for so many ms of the window. */
export function addHeld(figures: Figures, value: TagValue, span: number): void {
  if (span <= 0) return;
  const number = asNumber(value) ?? 0;
  // About the first value, so that what stands still has exactly its value for a mean.
  if (figures.covered === 0) figures.base = number;
  figures.covered += span;
  figures.area += (number - figures.base) * span;
}

/** The window's values, in the order of `figureNames`. */
export function figureValues(figures: Figures, rule: WindowRule): readonly (TagValue | null)[] {
  const bands = (rule.vibration?.bands ?? []).map((_, band) =>
    figures.vibration === undefined ? null : bandFigure(figures.vibration, band),
  );
  return [...rule.values.map((name) => figureOf(figures, name)), ...bands, coverageOf(figures, rule)];
}

/** The share of the window in which a good value was known. */
export function coverageOf({ covered }: Figures, { every }: WindowRule): number {
  return Math.min(1, covered / every);
}

function figureOf(figures: Figures, name: string): TagValue | null {
  const { count, sum, rest } = figures;
  switch (name) {
    case "count":
      return count;
    case "first":
      return figures.first;
    case "last":
      return figures.last;
    case "min":
      return figures.min;
    case "max":
      return figures.max;
    case "sum":
      return typeof sum === "bigint" ? sum : sum + rest;
    case "increase":
      return figures.increase;
    case "mean":
      if (figures.covered > 0) return figures.base + figures.area / figures.covered;
      return count > 0 ? figures.mean : null;
    case "stddev":
      return count > 1 ? Math.sqrt(figures.squares / (count - 1)) : null;
    default:
      if (figures.vibration !== undefined) return vibrationFigure(figures.vibration, name);
      return figures.sketch === undefined ? null : percentileOf(figures.sketch, Number(name.slice(1)));
  }
}

function addNumber(figures: Figures, value: number | bigint, number: number): void {
  if (figures.min === null || value < figures.min) figures.min = value;
  if (figures.max === null || value > figures.max) figures.max = value;
  if (typeof value === "bigint" && (typeof figures.sum === "bigint" || figures.count === 0)) {
    figures.sum = BigInt(figures.sum) + value;
  } else {
    const before = Number(figures.sum);
    const after = before + number;
    figures.rest += Math.abs(before) >= Math.abs(number) ? before - after + number : number - after + before;
    figures.sum = after;
  }
  const distance = number - figures.mean;
  figures.mean += distance / (figures.count + 1);
  figures.squares += distance * (number - figures.mean);
  if (figures.sketch !== undefined) addToSketch(figures.sketch, number);
}

/**
 * How far a counter went on. A lower value than before is one that began again: at the rollover where that is the
 * shorter way, else it was reset to 0.
 */
function addIncrease(
  figures: Figures,
  value: number | bigint,
  previous: number | bigint,
  rollover: number | undefined,
): void {
  const wide = typeof value === "bigint" && typeof previous === "bigint";
  if (wide && typeof figures.increase === "number" && Number.isInteger(figures.increase))
    figures.increase = BigInt(figures.increase);
  if (wide && typeof figures.increase === "bigint") {
    const round = rollover === undefined ? 0n : BigInt(rollover);
    const around = value - previous + round;
    const step = value >= previous ? value - previous : 2n * around < round && around >= 0n ? around : value;
    figures.increase += step;
    return;
  }
  const [now, before] = [Number(value), Number(previous)];
  const around = now - before + (rollover ?? 0);
  const step = now >= before ? now - before : around >= 0 && 2 * around < (rollover ?? 0) ? around : now;
  figures.increase = Number(figures.increase) + step;
}

function isPercentile(name: string): boolean {
  return /^p\d/.test(name);
}

function needsNumbers(name: string): boolean {
  return name !== "first" && name !== "last" && name !== "count";
}
