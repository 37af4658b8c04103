import type { Completion } from "../../config/line.ts";
import type { TagValue } from "../../domain/reading.ts";

/** What is remembered of the tag that tells a station's completion. */
export interface Watch {
  /** The rule it was remembered for: another rule begins anew. */
  readonly rule: string;
  /** A counter's last value in decimal digits; else whether the value stood where it completes. Null: nothing seen yet. */
  readonly last: string | boolean | null;
  /** False where something may have been missed since: the tag was bad, or the gateway away. */
  readonly sure: boolean;
}

/** A counter that went where no parts can be told from it. */
export interface Lost {
  readonly reason: "counter-reset" | "counter-jumped";
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

function observeCounter(
  rule: Extract<Completion, { kind: "counter" }>,
  before: Watch,
  value: TagValue,
): Observed {
  const nothing = { parts: 0, recovered: false, rollover: false };
  const count = countOf(value);
  if (count === undefined) return { ...nothing, watch: before };
  const to = count.toString();
  if (before.last === to && before.sure) return { ...nothing, watch: before };
  const watch = { ...before, last: to, sure: true };
  if (typeof before.last !== "string" || before.last === to) return { ...nothing, watch };
  const last = BigInt(before.last);
  const most = BigInt(rule.most);
  const fell = count < last;
  const step = fell && rule.rollover !== undefined ? count + BigInt(rule.rollover) - last : count - last;
  if (step > 0n && step <= most) {
    return { watch, parts: Number(step), recovered: step > 1n || !before.sure, rollover: fell };
  }
  const lost = { reason: fell ? "counter-reset" : "counter-jumped", from: before.last, to } as const;
  return { ...nothing, watch, lost };
}
