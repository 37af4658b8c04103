import type { Completion } from "../../config/line.ts";
import type { TagValue } from "../../domain/reading.ts";

/** What is remembered of the tag that tells a station's completion. */
export interface Watch {
  /** The rule it was remembered for: another rule begins anew. */
  readonly rule: string;
  /** A counter's value, the highest that counted, in decimal digits; else whether the value stood where it completes. Null: nothing seen yet. */
  readonly last: string | boolean | null;
  /** Where a counter went a little back to; null: it did, and came again. Absent: it did not since it last counted. */
  readonly low?: string | null;
  /** Where a counter was before it fell to `last`, far enough to know it by when it comes again. */
  readonly peak?: string;
  /** False where something may have been missed since: the tag was bad, or the gateway away. */
  readonly sure: boolean;
}

/** A counter that went where no parts can be told from it. */
export interface Lost {
  readonly reason: "counter-reset" | "counter-jumped" | "counter-back";
  readonly from: string;
  readonly to: string;
}

export interface Observed {
  /** The same object where nothing is new. */
  readonly watch: Watch;
  /** Parts finished since the last value. */
  readonly parts: number;
  /** True where it is not known when they were: several at once, or nothing was heard in between. */
  readonly recovered: boolean;
  readonly rollover: boolean;
  readonly lost?: Lost;
}

export function newWatch(rule: Completion): Watch {
  return { rule: JSON.stringify(rule), last: null, sure: false };
}

/** What a reading of the tag says: how many parts were finished. The first one only says where things stand. */
export function observe(rule: Completion, before: Watch, value: TagValue | null, good: boolean): Observed {
  const nothing = { parts: 0, recovered: false, rollover: false };
  if (!good || value === null) {
    return { ...nothing, watch: before.sure ? { ...before, sure: false } : before };
  }
  if (rule.kind === "counter") return observeCounter(rule, before, value);
  const last = before.last === true;
  const now = isComplete(rule, value, last);
  if (before.sure && before.last === now) return { ...nothing, watch: before };
  const watch = { ...before, last: now, sure: true };
  const finished = before.last !== null && now && !last;
  return { ...nothing, watch, parts: finished ? 1 : 0, recovered: finished && !before.sure };
}

function isComplete(
  rule: Exclude<Completion, { kind: "counter" }>,
  value: TagValue,
  before: boolean,
): boolean {
  switch (rule.kind) {
    case "edge":
      return value === (rule.edge === "rise");
    case "equals":
      return value === rule.equals || (typeof value === "bigint" && String(value) === String(rule.equals));
    case "reaches":
      return Number(value) >= (before ? rule.rearm : rule.reaches);
  }
}

/** 64-bit counters come as bigint, or as decimal digits where they come over the wire. */
function countOf(value: TagValue): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

/** A counter that goes back by no more than this, and by no more than half, bounces: it was not reset. */
const mostBack = 10n;

type Counter = Extract<Completion, { kind: "counter" }>;

function observeCounter(rule: Counter, before: Watch, value: TagValue): Observed {
  const nothing = { parts: 0, recovered: false, rollover: false };
  const count = countOf(value);
  if (count === undefined) return { ...nothing, watch: before };
  const to = count.toString();
  const seen = { rule: before.rule, last: to, sure: true };
  if (typeof before.last !== "string") return { ...nothing, watch: seen };
  if ((before.low ?? before.last) === to)
    return { ...nothing, watch: before.sure ? before : { ...before, sure: true } };
  const last = BigInt(before.last);
  // Come again from a little lower, or from a zero in between.
  if (count === last) return { ...nothing, watch: { ...before, sure: true, low: null } };
  if (isBack(rule, last, count)) {
    const watch = { ...before, sure: true, low: to };
    const lost = { reason: "counter-back", from: before.last, to } as const;
    return before.low === undefined ? { ...nothing, watch, lost } : { ...nothing, watch };
  }
  const step = forward(rule, comesAgain(before, count) ?? last, count);
  if (step !== undefined && step <= BigInt(rule.most)) {
    const parts = Number(step);
    return {
      watch: seen,
      parts,
      recovered: parts > 1 || (parts > 0 && !before.sure),
      rollover: count < last,
    };
  }
  const fell = count < last;
  const lost = { reason: fell ? "counter-reset" : "counter-jumped", from: before.last, to } as const;
  const watch = fell && last - count > mostBack ? { ...seen, peak: before.last } : seen;
  return { ...nothing, watch, lost };
}

/** Where a counter was before it fell, if it is there again at once: it was not reset, and nothing counts twice. */
function comesAgain({ peak, sure }: Watch, count: bigint): bigint | undefined {
  if (peak === undefined) return undefined;
  const from = BigInt(peak);
  return count === from || (count > from && sure) ? from : undefined;
}

/** How far on it is, over the end as well, but no more than a quarter round: what falls further was reset. */
function forward({ rollover }: Counter, from: bigint, to: bigint): bigint | undefined {
  if (to >= from) return to - from;
  if (rollover === undefined) return undefined;
  const step = to + BigInt(rollover) - from;
  return step > 0n && step <= quarter(rollover) ? step : undefined;
}

/** A counter that was reset is near 0, and goes on from there; one that bounces, or is read anew out of a buffer, is a little lower. */
function isBack({ rollover }: Counter, from: bigint, to: bigint): boolean {
  if (to < from && from - to <= mostBack && to > 0n && to * 2n >= from)
    return rollover === undefined || (from - to) * 2n < BigInt(rollover);
  if (to <= from || rollover === undefined) return false;
  // Back over the end that it just came over.
  const back = from + BigInt(rollover) - to;
  return back > 0n && back <= mostBack && back <= quarter(rollover) && back < to - from;
}

function quarter(rollover: string): bigint {
  const part = BigInt(rollover) / 4n;
  return part > 0n ? part : 1n;
}
