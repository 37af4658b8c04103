import type { TagValue } from "../../domain/reading.ts";
import {
  beginTime,
  flushTime,
  pass,
  passesAt,
  resumeTime,
  takeInOrder,
  type EventTime,
  type InOrder,
} from "./event-time.ts";
import { decodeState, encodeState, type Fold, type FoldOutput, type Observed } from "./fold.ts";
import {
  addHeld,
  addReading,
  coverageOf,
  emptyFigures,
  figureNames,
  figureValues,
  type Figures,
  type WindowRule,
} from "./window-figures.ts";

/** What of a tag is kept beside its own time. Plain data. */
export interface WindowState {
  readonly time: EventTime;
  open: OpenWindow | null;
  /** The good value that holds until the next reading. */
  held: TagValue | null;
  /** The last value of a counter, however long ago. */
  counter: number | bigint | null;
  /** Windows before this came out already, though a clock that was set back may bring their time again. */
  outUntil: number | null;
}

interface OpenWindow {
  readonly start: number;
  /** Up to here the figures are complete. */
  at: number;
  readonly figures: Figures;
  /** Why the last reading was not good. */
  status: string | null;
  /** A reading came; else the window was opened for what is held. */
  entered: boolean;
}

/** Windows of one length, aligned with the epoch. */
export function windowFold(rule: WindowRule): Fold<WindowState> {
  const { lateness } = rule;
  return {
    columns: figureNames(rule),
    durable: true,
    begin: () => ({ time: beginTime(), open: null, held: null, counter: null, outUntil: null }),
    take: (state, observed, steady, output) =>
      takeInOrder(state.time, observed, steady, lateness, output, inOrder(rule, state, output)),
    advance: (state, steady, output) => pass(state.time, steady, lateness, inOrder(rule, state, output)),
    dueAt: ({ time, open }) => {
      const next = Math.min(
        open === null ? Infinity : open.start + rule.every,
        time.pending[0] === undefined ? Infinity : windowStart(time.pending[0].time, rule) + rule.every,
      );
      return next === Infinity ? Infinity : passesAt(time, next, lateness);
    },
    finish: (state, output) => {
      const to = inOrder(rule, state, output);
      flushTime(state.time, output, to);
      if (state.time.newest !== null) holdUntil(rule, state, state.time.newest, output);
      close(rule, state, output);
      state.held = null;
    },
    encode: encodeState,
    resume: (text, steady) => {
      const state = decodeState(text) as WindowState | undefined;
      return state === undefined ? undefined : { ...state, time: resumeTime(state.time, steady) };
    },
  };
}

function windowStart(time: number, { every }: WindowRule): number {
  return Math.floor(time / every) * every;
}

function inOrder(rule: WindowRule, state: WindowState, output: FoldOutput): InOrder {
  return {
    reading: (observed) => enter(rule, state, observed, output),
    passed: (time) => {
      if (state.open !== null && time >= state.open.start + rule.every) holdUntil(rule, state, time, output);
    },
    lost: (time) => {
      holdUntil(rule, state, time, output);
      state.held = null;
    },
    steppedBack: () => {
      if (state.time.newest !== null) holdUntil(rule, state, state.time.newest, output);
      close(rule, state, output, true);
      state.held = null;
    },
  };
}

function enter(rule: WindowRule, state: WindowState, observed: Observed, output: FoldOutput): void {
  const { time, value, quality, status } = observed;
  holdUntil(rule, state, time, output);
  const open = state.open ?? openAt(rule, state, time);
  open.at = time;
  open.entered = true;
  if (quality !== "good" || value === null) {
    state.held = null;
    open.status = status;
    return;
  }
  if (!addReading(open.figures, rule, value, state.counter)) {
    output.unfit();
    state.held = null;
    return;
  }
  open.status = null;
  // Of arrays and structures only that there is one matters.
  state.held = typeof value === "object" ? true : value;
  if (typeof value === "number" || typeof value === "bigint") state.counter = value;
}

/** Brings the figures up to a time: what is held goes on, and windows that end before it are closed. */
function holdUntil(rule: WindowRule, state: WindowState, time: number, output: FoldOutput): void {
  for (;;) {
    const { open } = state;
    if (open === null) return;
    const end = open.start + rule.every;
    const until = Math.min(time, end);
    if (state.held !== null) addHeld(open.figures, state.held, until - open.at);
    open.at = Math.max(open.at, until);
    if (time < end) return;
    close(rule, state, output);
    if (state.held !== null) openAt(rule, state, end);
  }
}

function openAt(rule: WindowRule, state: WindowState, time: number): OpenWindow {
  const start = windowStart(time, rule);
  const open = { start, at: time, figures: emptyFigures(rule), status: null, entered: false };
  state.open = open;
  return open;
}

/** OPC UA part 13 §4.2.1.2: good where all of it was good, bad where nothing was, else a sub-normal amount of data. */
function close(rule: WindowRule, state: WindowState, output: FoldOutput, cut = false): void {
  const { open } = state;
  if (open === null) return;
  state.open = null;
  const coverage = coverageOf(open.figures, rule);
  const empty = open.figures.count === 0 && coverage === 0;
  if (empty && !open.entered) return;
  const end = open.start + rule.every;
  const again = cut || open.start < (state.outUntil ?? -Infinity);
  state.outUntil = Math.max(end, state.outUntil ?? end);
  const values = figureValues(open.figures, rule);
  if (empty) output.row({ time: open.start, quality: "bad", status: open.status ?? "NoData", values });
  else if (again) output.row({ time: open.start, quality: "uncertain", status: "ClockSetBack", values });
  else if (coverage < 1)
    output.row({ time: open.start, quality: "uncertain", status: "DataSubNormal", values });
  else output.row({ time: open.start, quality: "good", status: null, values });
}
