import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAddress, parseHole, type Hole } from "./address.ts";
import { isMistake } from "./mistake.ts";
import { costOf, maxLength, planReads, touches, type RequestLimits, type TagSpan } from "./planner.ts";

const wide: RequestLimits = { maxRegisters: 125, maxBits: 2_000, holes: [], oneRequestPerTag: false };
const cost = { requestMs: 5, registerMs: 0.1 };

function span(address: string, length = 1): TagSpan<string> {
  const parsed = parseAddress(address);
  if (isMistake(parsed)) throw new TypeError(parsed.message);
  return { tag: address, table: parsed.table, start: parsed.offset, length };
}

function hole(text: string): Hole {
  const parsed = parseHole(text);
  if (isMistake(parsed)) throw new TypeError(parsed.message);
  return parsed;
}

function shape(spans: readonly TagSpan<string>[], limits: RequestLimits, model = cost): string[] {
  return planReads(spans, limits, model).map(
    ({ table, start, length, tags }) =>
      `${table} ${start}+${length}: ${tags.map(({ tag }) => tag).join(" ")}`,
  );
}

test("a gap is read over where that costs less than a request, and not where it costs more", () => {
  const spans = [span("holding:101"), span("holding:0", 2), span("holding:49"), span("holding:20")];
  expect(shape(spans, wide)).toEqual([
    "holding 0+50: holding:0 holding:20 holding:49",
    "holding 101+1: holding:101",
  ]);
});

test("tables are never mixed in one request", () => {
  const spans = [span("input:0"), span("holding:1"), span("coil:0"), span("discrete:0"), span("coil:9")];
  expect(shape(spans, wide)).toEqual([
    "coil 0+10: coil:0 coil:9",
    "discrete 0+1: discrete:0",
    "holding 1+1: holding:1",
    "input 0+1: input:0",
  ]);
});

test("a bit costs a sixteenth of a register, so larger gaps of bits are filled", () => {
  const model = { requestMs: 1, registerMs: 0.16 };
  expect(costOf({ table: "coil", length: 100 }, model)).toBeCloseTo(2);
  expect(costOf({ table: "input", length: 100 }, model)).toBeCloseTo(17);
  expect(shape([span("coil:0"), span("coil:90")], wide, model)).toHaveLength(1);
  expect(shape([span("input:0"), span("input:90")], wide, model)).toHaveLength(2);
});

test("a hole is never read, though reading over it would be cheaper", () => {
  const spans = [span("holding:0"), span("holding:9"), span("holding:11")];
  expect(shape(spans, { ...wide, holes: [hole("holding:10")] })).toEqual([
    "holding 0+10: holding:0 holding:9",
    "holding 11+1: holding:11",
  ]);
});

test("a tag is never split over two requests at the device's limit", () => {
  const spans = [span("holding:0", 2), span("holding:2", 4), span("holding:6", 2)];
  expect(shape(spans, { ...wide, maxRegisters: 5 })).toEqual([
    "holding 0+2: holding:0",
    "holding 2+4: holding:2",
    "holding 6+2: holding:6",
  ]);
});

test("a tag within another's registers rides free", () => {
  const spans = [span("holding:3"), span("holding:0", 8), span("holding:0", 2), span("holding:7")];
  expect(shape(spans, { ...wide, maxRegisters: 8 })).toEqual([
    "holding 0+8: holding:0 holding:0 holding:3 holding:7",
  ]);
});

test("in one-request-a-tag mode only tags with the very same registers share a request", () => {
  const spans = [span("holding:0", 2), span("holding:0"), span("holding:1"), span("holding:1")];
  expect(shape(spans, { ...wide, oneRequestPerTag: true })).toEqual([
    "holding 0+2: holding:0",
    "holding 0+1: holding:0",
    "holding 1+1: holding:1 holding:1",
  ]);
});

test.each([
  ["longer than a request", span("holding:0", 126), []],
  ["over a hole", span("holding:0", 4), [hole("holding:2")]],
  ["beyond the table", span("holding:65535", 2), []],
])("a tag %s is refused", (_, tag, holes) => {
  expect(() => planReads([tag], { ...wide, holes }, cost)).toThrow("can't be read in one request");
});

const anySpan = fc.record({
  tag: fc.integer(),
  table: fc.constantFrom("holding" as const, "holding" as const, "coil" as const),
  start: fc.nat(40),
  length: fc.integer({ min: 1, max: 4 }),
});
const anyProblem = fc
  .record({
    spans: fc.array(anySpan, { maxLength: 7 }),
    maxRegisters: fc.integer({ min: 4, max: 30 }),
    maxBits: fc.integer({ min: 4, max: 30 }),
    holes: fc.array(
      fc
        .record({ table: anySpan.map(({ table }) => table), start: fc.nat(40), length: fc.nat(3) })
        .map(({ table, start, length }) => ({ table, start, end: start + length })),
      { maxLength: 3 },
    ),
    cost: fc.record({ requestMs: fc.nat(20), registerMs: fc.nat(16) }),
  })
  .map(({ spans, cost, ...limits }) => ({
    spans: spans.filter((each) => !limits.holes.some((one) => touches(each, one))),
    limits: { ...limits, oneRequestPerTag: false },
    cost,
  }));

/** The least cost over every way to part the spans into sets, each read by one request. */
function bruteForce(spans: readonly TagSpan<number>[], limits: RequestLimits, model: typeof cost): number {
  let least = Infinity;
  const sets: TagSpan<number>[][] = [];
  const place = (index: number): void => {
    const next = spans[index];
    if (next === undefined) {
      least = Math.min(
        least,
        sets.reduce((total, set) => total + hullCost(set, limits, model), 0),
      );
      return;
    }
    for (const set of sets) {
      set.push(next);
      if (hullCost(set, limits, model) < Infinity) place(index + 1);
      set.pop();
    }
    sets.push([next]);
    place(index + 1);
    sets.pop();
  };
  place(0);
  return least;
}

function hullCost(set: readonly TagSpan<number>[], limits: RequestLimits, model: typeof cost): number {
  const table = set[0]?.table ?? "coil";
  const start = Math.min(...set.map((each) => each.start));
  const hull = { table, start, length: Math.max(...set.map((each) => each.start + each.length)) - start };
  const allowed =
    set.every((each) => each.table === table) &&
    hull.length <= maxLength(table, limits) &&
    !limits.holes.some((one) => touches(hull, one));
  return allowed ? costOf(hull, model) : Infinity;
}

test("no way to part the tags into requests costs less than the plan", () => {
  fc.assert(
    fc.property(anyProblem, ({ spans, limits, cost }) => {
      const plan = planReads(spans, limits, cost);
      const planned = plan.reduce((total, request) => total + costOf(request, cost), 0);
      expect(planned).toBeCloseTo(bruteForce(spans, limits, cost), 9);
    }),
    { numRuns: 1_000 },
  );
});

test("every tag lies wholly in exactly one request, no hole is touched, no limit exceeded", () => {
  const anyMode = fc.tuple(anyProblem, fc.boolean());
  fc.assert(
    fc.property(anyMode, ([{ spans, limits, cost }, oneRequestPerTag]) => {
      const plan = planReads(spans, { ...limits, oneRequestPerTag }, cost);
      for (const request of plan) {
        expect(request.length).toBeLessThanOrEqual(maxLength(request.table, limits));
        expect(limits.holes.some((one) => touches(request, one))).toBe(false);
        for (const tag of request.tags) {
          expect(tag.table).toBe(request.table);
          expect(tag.start).toBeGreaterThanOrEqual(request.start);
          expect(tag.start + tag.length).toBeLessThanOrEqual(request.start + request.length);
        }
      }
      const read = plan.flatMap((request) => request.tags);
      expect(read).toHaveLength(spans.length);
      expect(new Set(read)).toEqual(new Set(spans));
    }),
  );
});
