import { lossStatuses } from "../../domain/reading.ts";
import type { FoldOutput, Observed } from "./fold.ts";

/** A clock that was set back, and not a few stragglers, is behind so many readings in a row. */
const leastSuspects = 3;
/** No more are kept until that is clear; nor may more wait for their turn than `mostPending`. */
const mostSuspects = 64;
const mostPending = 1_024;

/** A tag's time may run ahead of the gateway's clock by so much at once, and what was seen last still held until then. */
const mostJumpMs = 10_000;

const losses: ReadonlySet<string | null> = new Set(lossStatuses);

/** Where a tag's own time stands. Plain data. */
export interface EventTime {
  /** Readings that an earlier one may still come before, in order. */
  readonly pending: Observed[];
  /** Later than allowed, in order: stragglers, or the first after a clock was set back. */
  readonly suspects: Observed[];
  /** The latest time of a reading, and when that came; null before the first. */
  newest: number | null;
  newestAt: number;
  suspectedAt: number;
  /** Readings before this are late. */
  frontier: number;
  /** Nobody watched the tag since `newest`. */
  interrupted: boolean;
}

/** What happens in a tag's own time, in order. */
export interface InOrder {
  reading(observed: Observed): void;
  /** Up to here no further reading comes. */
  passed(time: number): void;
  /** What was seen last is not known to hold beyond this time. */
  lost(time: number): void;
  /** The clock that stamps the readings was set back: time begins anew. */
  steppedBack(): void;
}

export function beginTime(): EventTime {
  return {
    pending: [],
    suspects: [],
    newest: null,
    newestAt: 0,
    suspectedAt: 0,
    frontier: -Infinity,
    interrupted: false,
  };
}

/**
 * Puts readings that are out of order by at most `lateness` into order. A tag's time is that of its newest reading and
 * what the steady clock says has passed since: a device whose clock is wrong, or the gateway's own being set, changes
 * nothing about what is late. A bad reading may be stamped by another clock than the good ones: where the gateway itself
 * says that nothing is known, and where its time does not fit in, it is taken when it comes.
 */
export function takeInOrder(
  state: EventTime,
  observed: Observed,
  steady: number,
  lateness: number,
  output: FoldOutput,
  to: InOrder,
): void {
  pass(state, steady, lateness, to);
  if (observed.quality === "bad" && !fitsIn(state, observed, steady))
    accept(state, { ...observed, time: reachedBy(state, steady) }, steady, to);
  else if (observed.time < state.frontier) {
    suspect(state, observed, steady, lateness, output, to);
    return;
  } else {
    forgetSuspects(state, output);
    accept(state, observed, steady, to);
  }
  pass(state, steady, lateness, to);
}

/** Lets go what no further reading can come before. */
export function pass(state: EventTime, steady: number, lateness: number, to: InOrder): void {
  if (state.newest === null) return;
  if (state.interrupted) loseFrom(state, state.newest, to);
  const frontier = reachedBy(state, steady) - lateness;
  if (frontier > state.frontier) state.frontier = frontier;
  release(state, to);
}

/** When `pass` will bring the frontier beyond a time. */
export function passesAt(state: EventTime, time: number, lateness: number): number {
  return state.newest === null ? Infinity : state.newestAt + (time - state.newest) + lateness;
}

/** As JSON gave it back: there is no infinity in JSON. Nobody watched the tag meanwhile. */
export function resumeTime(state: EventTime, steady: number): EventTime {
  const frontier = (state.frontier as number | null) ?? -Infinity;
  return { ...state, frontier, newestAt: steady, suspectedAt: steady, interrupted: true };
}

/** Everything that waits comes out, in order. */
export function flushTime(state: EventTime, output: FoldOutput, to: InOrder): void {
  forgetSuspects(state, output);
  for (const waiting of state.pending) to.reading(waiting);
  state.pending.length = 0;
}

/** The tag's own time. */
function reachedBy({ newest, newestAt }: EventTime, steady: number): number {
  return (newest ?? -Infinity) + Math.max(0, steady - newestAt);
}

/** Whether a bad reading's time is of the clock of the tag's own. After an interruption nobody knows how far that is. */
function fitsIn(state: EventTime, { time, status }: Observed, steady: number): boolean {
  if (state.newest === null) return true;
  if (time < state.frontier) return false;
  return state.interrupted || (!losses.has(status) && time <= reachedBy(state, steady) + mostJumpMs);
}

/** All that waits comes out, and nothing of it holds beyond a time. */
function loseFrom(state: EventTime, time: number, to: InOrder): void {
  for (const waiting of state.pending) to.reading(waiting);
  state.pending.length = 0;
  state.frontier = Math.max(time, state.frontier);
  to.lost(state.frontier);
}

function release(state: EventTime, to: InOrder): void {
  const { pending } = state;
  let ready = 0;
  while ((pending[ready]?.time ?? Infinity) < state.frontier) ready += 1;
  ready = Math.max(ready, pending.length - mostPending);
  if (ready > 0) {
    for (const waiting of pending.splice(0, ready)) {
      to.reading(waiting);
      if (waiting.time > state.frontier) state.frontier = waiting.time;
    }
  }
  to.passed(state.frontier);
}

function accept(state: EventTime, observed: Observed, steady: number, to: InOrder): void {
  const { pending, newest } = state;
  const { time } = observed;
  if (newest !== null) {
    const reached = reachedBy(state, steady);
    if (state.interrupted) loseFrom(state, newest, to);
    else if (time > reached + mostJumpMs) loseFrom(state, reached, to);
  }
  state.interrupted = false;
  if (newest === null || time >= newest) {
    state.newest = time;
    state.newestAt = steady;
  }
  let at = pending.length;
  while (at > 0 && (pending[at - 1]?.time ?? -Infinity) > time) at -= 1;
  pending.splice(at, 0, observed);
}

function suspect(
  state: EventTime,
  observed: Observed,
  steady: number,
  lateness: number,
  output: FoldOutput,
  to: InOrder,
): void {
  const { suspects } = state;
  const before = suspects.at(-1);
  if (before !== undefined && observed.time < before.time) forgetSuspects(state, output);
  if (suspects.length === 0) state.suspectedAt = steady;
  suspects.push(observed);
  if (suspects.length >= leastSuspects && steady - state.suspectedAt >= lateness) {
    stepBack(state, steady, lateness, output, to);
    return;
  }
  if (suspects.length > mostSuspects) {
    suspects.shift();
    output.late(1);
  }
}

function stepBack(state: EventTime, steady: number, lateness: number, output: FoldOutput, to: InOrder): void {
  const again = state.suspects.splice(0);
  flushTime(state, output, to);
  to.steppedBack();
  state.newest = null;
  state.frontier = -Infinity;
  for (const observed of again) {
    accept(state, observed, steady, to);
    pass(state, steady, lateness, to);
  }
}

function forgetSuspects(state: EventTime, output: FoldOutput): void {
  if (state.suspects.length === 0) return;
  output.late(state.suspects.length);
  state.suspects.length = 0;
}
