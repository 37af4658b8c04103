import type { AlertCondition } from "../../config/alerts.ts";
import type { Quality, TagValue } from "../../domain/reading.ts";
import { changeWithin, leavesAt, slide, type RateWindow } from "./rate.ts";

/** One comparison of a condition: anything but `all`, `any` and `not`. */
export type Leaf = Exclude<AlertCondition, { readonly kind: "all" | "any" | "not" }>;

type Plain = number | boolean | string;

/** What a leaf remembers; each kind uses what it needs. Plain data. */
export interface LeafState {
  /** As last decided by an input; null: nothing is known yet. */
  readonly truth: boolean | null;
  /** The last good value, and that of the tag it is compared with. */
  readonly value?: Plain;
  readonly other?: number;
  /** ms: the last good reading (`stale`), or until when a change holds (`changes`). */
  readonly at?: number;
  /** ms, the oldest first: the last events, as many as are to be counted. */
  readonly times?: readonly number[];
  readonly window?: RateWindow;
}

/** What a condition sees. */
export type Seen =
  | {
      readonly kind: "reading";
      readonly tag: string;
      readonly value: TagValue | null;
      readonly quality: Quality;
      /** The source's, Unix ms. */
      readonly timestamp: number;
      /** It was told before: how things stand, and no sign that the tag is alive. */
      readonly recalled?: true;
    }
  | { readonly kind: "device"; readonly device: string; readonly online: boolean }
  | { readonly kind: "line"; readonly station: string; readonly event: string };

/** @param now ms of a clock that never steps. The same object where nothing changed. */
export function observe(leaf: Leaf, state: LeafState, seen: Seen, now: number): LeafState {
  switch (seen.kind) {
    case "device":
      return leaf.kind === "offline" && leaf.device === seen.device ? settled(state, !seen.online) : state;
    case "line":
      return leaf.kind === "count" &&
        leaf.of.kind === "line" &&
        leaf.of.station === seen.station &&
        leaf.of.event === seen.event
        ? count(state, leaf.atLeast, now)
        : state;
    case "reading":
      return observeReading(leaf, state, seen, now);
  }
}

/** What holds of the leaf now; null: nothing is known yet. */
export function truthOf(leaf: Leaf, state: LeafState, now: number): boolean | null {
  const { truth, at, window } = state;
  if (leaf.kind === "changes") return at === undefined ? truth : now < at;
  if (leaf.kind === "stale") return at !== undefined && now - at >= leaf.after ? true : truth;
  if (leaf.kind === "rate") return window === undefined ? truth : tooFast(leaf, truth, window, now);
  return leaf.kind === "count" ? enough(leaf, state, now) : truth;
}

/** When time alone may change what holds, in ms; Infinity: never. */
export function dueAt(leaf: Leaf, { at = -Infinity, window, times }: LeafState, now: number): number {
  if (leaf.kind === "changes") return later(at, now);
  if (leaf.kind === "stale") return later(at + leaf.after, now);
  if (leaf.kind === "rate") return window === undefined ? Infinity : leavesAt(window, leaf.over, now);
  if (leaf.kind !== "count") return Infinity;
  return later((times?.at(-leaf.atLeast) ?? -Infinity) + leaf.within, now);
}

/** A leaf as it goes on after a restart: what was seen before it is no measure for what is seen after it. */
export function resume(leaf: Leaf, state: LeafState, now: number): LeafState {
  const { truth, at, times = [] } = state;
  // A gateway that was away says nothing about the device: the tag gets its whole time again.
  if (leaf.kind === "stale") return begin(leaf, now);
  if (leaf.kind === "changes" && at !== undefined) return { truth, at: Math.min(at, now + leaf.holdFor) };
  if (leaf.kind === "count") return { truth, times: times.map((time) => Math.min(time, now)) };
  return { truth };
}

/** What a leaf begins with. */
export function begin(leaf: Leaf, now: number): LeafState {
  if (leaf.kind === "stale") return { truth: null, at: now };
  return { truth: leaf.kind === "count" ? false : null };
}

function observeReading(
  leaf: Leaf,
  state: LeafState,
  seen: Extract<Seen, { kind: "reading" }>,
  now: number,
): LeafState {
  const { tag, quality, timestamp } = seen;
  if (leaf.kind === "offline" || (leaf.kind === "count" && leaf.of.kind === "line")) return state;
  if (leaf.kind === "bad" && tag === leaf.tag)
    return settled(state, quality === "bad" || (leaf.uncertain && quality === "uncertain"));
  const value = quality === "good" ? plain(seen.value) : undefined;
  if (value === undefined) return state;
  switch (leaf.kind) {
    case "above":
    case "below":
    case "outside":
    case "is":
    case "isNot":
      return tag === leaf.tag ? settled(state, compare(leaf, state.truth === true, value)) : state;
    case "changes": {
      if (tag !== leaf.tag || value === state.value) return state;
      return state.value === undefined
        ? { ...state, truth: state.truth ?? false, value }
        : { truth: true, value, at: now + leaf.holdFor };
    }
    case "rate": {
      if (tag !== leaf.tag || typeof value !== "number") return state;
      const window = slide(state.window, value, timestamp, now, leaf.over);
      return { window, truth: tooFast(leaf, state.truth, window, now) };
    }
    case "deviation":
      return deviate(leaf, state, tag, value);
    case "stale":
      return tag === leaf.tag && seen.recalled !== true ? { truth: false, at: now } : state;
    case "count": {
      if (leaf.of.kind !== "edge" || tag !== leaf.of.tag || value === state.value) return state;
      const counts = state.value !== undefined && isEdge(leaf.of.edge, state.value, value);
      return { ...(counts ? count(state, leaf.atLeast, now) : state), value };
    }
    case "bad":
      return state;
  }
}

type Compared = Extract<Leaf, { kind: "above" | "below" | "outside" | "is" | "isNot" }>;

/** Undefined where the value is nothing to compare with. */
function compare(leaf: Compared, held: boolean, value: Plain): boolean | undefined {
  const inside = held && "deadband" in leaf ? leaf.deadband : 0;
  switch (leaf.kind) {
    case "is":
      return value === leaf.value;
    case "isNot":
      return value !== leaf.value;
    case "above":
      return typeof value === "number" ? value > leaf.limit - inside : undefined;
    case "below":
      return typeof value === "number" ? value < leaf.limit + inside : undefined;
    case "outside":
      return typeof value === "number" ? value > leaf.high - inside || value < leaf.low + inside : undefined;
  }
}

function tooFast(
  leaf: Extract<Leaf, { kind: "rate" }>,
  held: boolean | null,
  window: RateWindow,
  now: number,
): boolean {
  const { up, down } = changeWithin(window, leaf.over, now);
  const change = leaf.direction === "up" ? up : leaf.direction === "down" ? down : Math.max(up, down);
  return change > leaf.limit - (held === true ? leaf.deadband : 0);
}

function deviate(
  leaf: Extract<Leaf, { kind: "deviation" }>,
  state: LeafState,
  tag: string,
  value: Plain,
): LeafState {
  if (typeof value !== "number" || (tag !== leaf.tag && tag !== leaf.from)) return state;
  const seen = tag === leaf.tag ? { ...state, value } : { ...state, other: value };
  if (typeof seen.value !== "number" || seen.other === undefined) return seen;
  const inside = state.truth === true ? leaf.deadband : 0;
  return { ...seen, truth: Math.abs(seen.value - seen.other) > leaf.limit - inside };
}

function enough(
  { atLeast, within }: Extract<Leaf, { kind: "count" }>,
  { truth, times = [] }: LeafState,
  now: number,
): boolean | null {
  const first = times.at(-atLeast);
  return first === undefined ? truth : now - first < within;
}

function count(state: LeafState, atLeast: number, now: number): LeafState {
  return { ...state, times: [...(state.times ?? []), now].slice(-atLeast) };
}

function isEdge(edge: "rise" | "fall" | "change", before: Plain, value: Plain): boolean {
  if (edge === "change") return true;
  return edge === "rise" ? Number(before) < Number(value) : Number(before) > Number(value);
}

function settled(state: LeafState, truth: boolean | undefined): LeafState {
  return truth === undefined || truth === state.truth ? state : { truth };
}

/** As it is shown: a 64-bit integer as a number. Undefined for what can't be compared. */
function plain(value: TagValue | null): Plain | undefined {
  if (typeof value === "bigint") return Number(value);
  return value === null || typeof value === "object" ? undefined : value;
}

function later(at: number, now: number): number {
  return at <= now ? Infinity : at;
}
