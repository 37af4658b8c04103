import { corrupt, exactLimit, type ByteReader, type ByteWriter } from "./bytes.ts";

/**
 * How a list of whole numbers is written, by the byte before it: all alike; the distance from the first; the distance
 * from the one before; the change of that distance; the distance from where an even grid has it, as polls have their
 * deadlines. The last four begin with the first value, and the grid's step.
 */
const constant = 0;
const fromFirst = 1;
const delta = 2;
const deltaOfDelta = 3;
const fromGrid = 4;

/** True where `writeIntegers` takes it: whole, not -0, and far enough from 2^53. */
export function isExactInteger(value: number): boolean {
  return Number.isInteger(value) && Math.abs(value) < exactLimit && !Object.is(value, -0);
}

/** @param values each taken by `isExactInteger`; their number is written elsewhere */
export function writeIntegers(writer: ByteWriter, values: readonly number[]): void {
  const first = values[0] ?? 0;
  if (values.every((value) => value === first)) {
    writer.byte(constant);
    writer.signed(first);
    return;
  }
  const period = medianStep(values);
  const forms = [fromFirst, delta, deltaOfDelta].map((form) => ({ form, steps: stepsOf(form, values) }));
  if (Math.abs(period) * values.length < exactLimit)
    forms.push({ form: fromGrid, steps: gridSteps(values, period) });
  let best = forms[0];
  let least = Infinity;
  for (const one of forms) {
    const cost = costOf(one.steps);
    if (cost < least) [best, least] = [one, cost];
  }
  writer.byte(best?.form ?? delta);
  writer.signed(first);
  if (best?.form === fromGrid) writer.signed(period);
  for (const step of best?.steps ?? []) writer.signed(step);
}

/** @param count from outside; at most so many bytes of memory are taken for it times eight */
export function readIntegers(reader: ByteReader, count: number): number[] {
  const form = reader.byte();
  const first = reader.signed();
  if (form === constant) return Array.from({ length: count }, () => first);
  if (form > fromGrid) throw corrupt(`there is no form ${form} of whole numbers`);
  const period = form === fromGrid ? reader.signed() : 0;
  const values = count > 0 ? [first] : [];
  let before = first;
  let step = 0;
  for (let index = 1; index < count; index += 1) {
    const read = reader.signed();
    step = form === deltaOfDelta ? step + read : read;
    if (form === fromFirst) before = first + read;
    else if (form === fromGrid) before = first + index * period + read;
    else before += step;
    values.push(before);
  }
  return values;
}

/** As `writeIntegers`, for integers of any width: always the distance from the one before. */
export function writeWide(writer: ByteWriter, values: readonly bigint[]): void {
  let before = 0n;
  for (const value of values) {
    writer.wide(value - before);
    before = value;
  }
}

export function readWide(reader: ByteReader, count: number): bigint[] {
  const values: bigint[] = [];
  let before = 0n;
  for (let index = 0; index < count; index += 1) {
    before += reader.wide();
    values.push(before);
  }
  return values;
}

function stepsOf(form: number, values: readonly number[]): number[] {
  const steps: number[] = [];
  const first = values[0] ?? 0;
  let before = first;
  let distance = 0;
  for (let index = 1; index < values.length; index += 1) {
    const value = values[index] ?? 0;
    const now = value - before;
    steps.push(form === fromFirst ? value - first : form === delta ? now : now - distance);
    distance = now;
    before = value;
  }
  return steps;
}

/** Half of the values are no further than this from the one before. */
function medianStep(values: readonly number[]): number {
  const steps = stepsOf(delta, values).toSorted((one, other) => one - other);
  return steps[steps.length >> 1] ?? 0;
}

function gridSteps(values: readonly number[], period: number): number[] {
  const first = values[0] ?? 0;
  return values.slice(1).map((value, index) => value - first - (index + 1) * period);
}

/** The form is chosen by so many steps of a list: looking at them all would take longer than writing them. */
const mostWeighed = 2_048;

/** About the bits that zstd's entropy coder will need: Shannon's, and a byte for each number that occurs. */
function costOf(all: readonly number[]): number {
  const steps = all.slice(0, mostWeighed);
  const times = new Map<number, number>();
  for (const step of steps) times.set(step, (times.get(step) ?? 0) + 1);
  let bits = 0;
  for (const [step, count] of times) {
    const width = 8 * Math.max(1, Math.ceil(Math.log2(2 * Math.abs(step) + 2) / 7));
    bits += Math.min(width * count, width + count * Math.log2(steps.length / count));
  }
  return bits;
}
