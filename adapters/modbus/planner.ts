import { GatewayError } from "../../src/adapter-kit/index.ts";
import { isBitTable, lastOffset, type Hole, type Table } from "./address.ts";

/** What one tag needs of one table, in registers, or in bits for coils and discrete inputs. */
export interface TagSpan<T> {
  readonly tag: T;
  readonly table: Table;
  readonly start: number;
  readonly length: number;
  /** Asked for ahead of others, so in requests that no other tag makes longer. */
  readonly event?: true;
}

/** What one request may ask a device for. */
export interface RequestLimits {
  /** At most 125 (Modbus V1.1b3 §6.3). */
  readonly maxRegisters: number;
  /** At most 2000 (Modbus V1.1b3 §6.1). */
  readonly maxBits: number;
  /** Never read, not even between two tags. */
  readonly holes: readonly Hole[];
  /** A request asks for one tag's registers only; tags with the very same registers still share one. */
  readonly oneRequestPerTag: boolean;
}

/** Bus time, in ms. A bit costs a sixteenth of a register. */
export interface CostModel {
  readonly requestMs: number;
  readonly registerMs: number;
}

/** One read request and the tags that it answers. */
export interface ReadRequest<T> {
  readonly table: Table;
  readonly start: number;
  readonly length: number;
  /** For event tags alone. */
  readonly event?: true;
  /** In the order of their addresses. */
  readonly tags: readonly TagSpan<T>[];
}

const tableOrder: readonly Table[] = ["coil", "discrete", "holding", "input"];
const kinds = ([true, undefined] as const).flatMap((event) =>
  tableOrder.map((table) => [table, event] as const),
);

/** Reckoned bus time of one request, in ms. */
export function costOf(request: { readonly table: Table; readonly length: number }, cost: CostModel): number {
  return cost.requestMs + request.length * unitMs(request.table, cost);
}

/**
 * The requests that read all spans in the least bus time under the cost model, within the limits. Every span lies
 * wholly in its one request, so that no value is torn between two reads. Event tags are planned by themselves.
 *
 * Why it is the least. Drop the spans that lie within another: whatever request reads the other one reads them too,
 * for nothing. Of the rest, sorted by start, the ends grow strictly as well. So the spans that lie within any given
 * request are neighbours in that order: those that start at its start or later (a tail of the order) and end at its
 * end or before (a head of it). Any set of requests that reads everything is therefore a cover of the order by runs
 * of neighbours. Cutting the overlaps off the runs and shrinking each request to the hull of its run touches no new
 * register, so breaks no limit and meets no hole, and never costs more. Hence some cheapest plan is a partition of
 * the order into runs, and the dynamic programme below tries every such partition.
 *
 * The cost of a run from span i to span j is `request + unit × (end[j] − start[i])`, so the best last run ending
 * at j is the i with the least `best[i] − unit × start[i]` among those still within limits of j. Both ends of that
 * window only move forwards: a deque of candidates keeps its minimum, and planning takes O(n log n) for sorting.
 *
 * Throws CONFIG_INVALID where a span alone is over a limit or a hole; the schema's check reports these beforehand.
 */
export function planReads<T>(
  spans: readonly TagSpan<T>[],
  limits: RequestLimits,
  cost: CostModel,
): ReadRequest<T>[] {
  for (const span of spans) requireReadable(span, limits);
  const plan: ReadRequest<T>[] = [];
  for (const [table, event] of kinds) {
    const sorted = spans
      .filter((span) => span.table === table && span.event === event)
      .sort((one, other) => one.start - other.start || other.length - one.length);
    const starts = limits.oneRequestPerTag
      ? startsOfEqual(sorted)
      : startsOfCheapest(sorted, limits.holes, maxLength(table, limits), cost);
    starts.forEach((first, index) => plan.push(requestFor(sorted.slice(first, starts[index + 1]))));
  }
  return plan;
}

/** The most that one request may read of the table. */
export function maxLength(table: Table, limits: RequestLimits): number {
  return isBitTable(table) ? limits.maxBits : limits.maxRegisters;
}

/** True where reading the span reads an address of the hole. */
export function touches(span: { table: Table; start: number; length: number }, hole: Hole): boolean {
  return span.table === hole.table && span.start <= hole.end && span.start + span.length > hole.start;
}

function unitMs(table: Table, cost: CostModel): number {
  return isBitTable(table) ? cost.registerMs / 16 : cost.registerMs;
}

function endOf(span: { readonly start: number; readonly length: number }): number {
  return span.start + span.length;
}

function requireReadable<T>(span: TagSpan<T>, limits: RequestLimits): void {
  const most = maxLength(span.table, limits);
  const fits = span.length >= 1 && span.length <= most && endOf(span) <= lastOffset + 1;
  if (fits && !limits.holes.some((hole) => touches(span, hole))) return;
  const where = `${span.table}:${span.start} (${span.length} long)`;
  throw new GatewayError(
    "CONFIG_INVALID",
    `${where} can't be read in one request: it is longer than ${most}, beyond ${lastOffset} or over a hole.`,
    { context: { table: span.table, start: span.start, length: span.length } },
  );
}

/** The request for neighbours in address order: the hull of their spans. */
function requestFor<T>(tags: readonly TagSpan<T>[]): ReadRequest<T> {
  const [first] = tags;
  if (first === undefined) throw new GatewayError("INTERNAL", "A read request needs a tag to read.");
  const end = tags.reduce((furthest, span) => Math.max(furthest, endOf(span)), 0);
  const { table, start, event } = first;
  return { table, start, length: end - start, tags, ...(event === true && { event }) };
}

/** Where each run of spans with the very same registers starts. */
function startsOfEqual<T>(sorted: readonly TagSpan<T>[]): number[] {
  const starts: number[] = [];
  let previous: TagSpan<T> | undefined;
  for (const [index, span] of sorted.entries()) {
    if (span.start !== previous?.start || span.length !== previous.length) starts.push(index);
    previous = span;
  }
  return starts;
}

/** Where each run of the cheapest partition starts. The proof and the recurrence stand at `planReads`. */
function startsOfCheapest<T>(
  sorted: readonly TagSpan<T>[],
  holes: readonly Hole[],
  most: number,
  cost: CostModel,
): number[] {
  const kept: { readonly start: number; readonly end: number; readonly index: number }[] = [];
  let table: Table = "holding";
  for (const [index, span] of sorted.entries()) {
    table = span.table;
    if (endOf(span) > (kept.at(-1)?.end ?? -1)) kept.push({ start: span.start, end: endOf(span), index });
  }
  const unit = unitMs(table, cost);
  const wall = wallBefore(holes.filter((hole) => hole.table === table));

  /** `best[j]`: the cost of the first j spans. `runs[j]`: where their last run starts. */
  const best = new Float64Array(kept.length + 1);
  const runs = new Int32Array(kept.length + 1);
  const window: { readonly from: number; readonly start: number; readonly cost: number }[] = [];
  let head = 0;
  for (const [j, { start, end }] of kept.entries()) {
    const candidate = { from: j, start, cost: (best[j] ?? 0) - unit * start };
    // A later start that costs less makes every dearer one before it useless. At a tie the longer run stays.
    while (window.length > head && (window.at(-1)?.cost ?? 0) > candidate.cost) window.pop();
    window.push(candidate);
    const nearestStart = Math.max(end - most, wall(end) + 1);
    while ((window[head]?.start ?? Infinity) < nearestStart) head += 1;
    const cheapest = window[head] ?? candidate;
    best[j + 1] = cheapest.cost + unit * end + cost.requestMs;
    runs[j + 1] = cheapest.from;
  }

  const starts: number[] = [];
  for (let j = kept.length; j > 0;) {
    j = runs[j] ?? 0;
    starts.push(kept[j]?.index ?? 0);
  }
  return starts.toReversed();
}

/** For ends that only grow: the last address before `end` that belongs to a hole, or -1. */
function wallBefore(holes: readonly Hole[]): (end: number) => number {
  const sorted = [...holes].sort((one, other) => one.start - other.start);
  let next = 0;
  let wall = -1;
  return (end) => {
    for (let hole = sorted[next]; hole !== undefined && hole.start < end; hole = sorted[next]) {
      wall = Math.max(wall, hole.end);
      next += 1;
    }
    return wall;
  };
}
