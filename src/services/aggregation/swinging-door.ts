import type { UploadRule } from "../../config/upload.ts";
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
import {
  asNumber,
  decodeState,
  encodeState,
  readingRow,
  type Fold,
  type FoldOutput,
  type Observed,
} from "./fold.ts";

type SwingingDoorRule = Extract<UploadRule, { kind: "swingingDoor" }>;

/** Plain data. */
export interface DoorState {
  readonly time: EventTime;
  /** The row last given, and the reading that may be the next one. */
  pivot: Observed | null;
  candidate: Observed | null;
  /** The slopes, per ms, of the lines from the pivot that pass every reading since within the deviation. */
  low: number | null;
  high: number | null;
}

/**
 * The swinging door (Bristol, US patent 4,669,097) in its strict form: a reading is only passed over where the line from
 * the last row to the next one passes it within `deviation`.
 */
export function swingingDoorFold(rule: SwingingDoorRule): Fold<DoorState> {
  const { lateness, atLeastEvery = Infinity } = rule;
  return {
    columns: ["value"],
    durable: true,
    begin: () => ({ time: beginTime(), pivot: null, candidate: null, low: null, high: null }),
    take: (state, observed, steady, output) =>
      takeInOrder(state.time, observed, steady, lateness, output, inOrder(rule, state, output)),
    advance: (state, steady, output) => pass(state.time, steady, lateness, inOrder(rule, state, output)),
    dueAt: ({ time, pivot, candidate }) => {
      const [first] = time.pending;
      if (first !== undefined) return passesAt(time, first.time, lateness) + 1;
      if (pivot === null || candidate === null) return Infinity;
      return passesAt(time, pivot.time + atLeastEvery, lateness);
    },
    finish: (state, output) => {
      flushTime(state.time, output, inOrder(rule, state, output));
      giveCandidate(state, output);
    },
    encode: encodeState,
    resume: (text, steady) => {
      const state = decodeState(text) as DoorState | undefined;
      return state === undefined ? undefined : { ...state, time: resumeTime(state.time, steady) };
    },
  };
}

function inOrder(rule: SwingingDoorRule, state: DoorState, output: FoldOutput): InOrder {
  const { atLeastEvery = Infinity } = rule;
  return {
    reading: (observed) => enter(rule, state, observed, output),
    passed: (time) => {
      if (state.pivot === null || state.candidate === null) return;
      if (time < state.pivot.time + atLeastEvery) return;
      const { candidate } = state;
      giveCandidate(state, output);
      begin(state, candidate);
    },
    lost: () => {
      giveCandidate(state, output);
      begin(state, null);
    },
    steppedBack: () => {
      giveCandidate(state, output);
      begin(state, null);
    },
  };
}

function enter(rule: SwingingDoorRule, state: DoorState, observed: Observed, output: FoldOutput): void {
  const value = asNumber(observed.value);
  const { pivot, candidate } = state;
  if (value === undefined || observed.quality !== "good" || pivot === null) {
    giveCandidate(state, output);
    output.row(readingRow(observed));
    begin(state, value === undefined || observed.quality !== "good" ? null : observed);
    return;
  }
  if (observed.time === (candidate ?? pivot).time) {
    // No line has two values at one time.
    giveCandidate(state, output);
    output.row(readingRow(observed));
    begin(state, observed);
    return;
  }
  if (candidate !== null && !within(state, pivot, observed, value)) {
    giveCandidate(state, output);
    begin(state, candidate);
    enter(rule, state, observed, output);
    return;
  }
  const span = observed.time - pivot.time;
  const rise = value - (asNumber(pivot.value) ?? 0);
  state.low = Math.max(state.low ?? -Infinity, (rise - rule.deviation) / span);
  state.high = Math.min(state.high ?? Infinity, (rise + rule.deviation) / span);
  state.candidate = observed;
  if (span < (rule.atLeastEvery ?? Infinity)) return;
  giveCandidate(state, output);
  begin(state, observed);
}

function within({ low, high }: DoorState, pivot: Observed, observed: Observed, value: number): boolean {
  const slope = (value - (asNumber(pivot.value) ?? 0)) / (observed.time - pivot.time);
  return slope >= (low ?? -Infinity) && slope <= (high ?? Infinity);
}

function begin(state: DoorState, pivot: Observed | null): void {
  state.pivot = pivot;
  state.candidate = null;
  state.low = null;
  state.high = null;
}

function giveCandidate(state: DoorState, output: FoldOutput): void {
  if (state.candidate !== null) output.row(readingRow(state.candidate));
  state.candidate = null;
}
