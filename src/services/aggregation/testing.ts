import type { Quality, TagValue } from "../../domain/reading.ts";
import type { Fold, FoldOutput, Observed, UploadRow } from "./fold.ts";

/** What a fold said, row by row and in numbers. */
export interface Said extends FoldOutput {
  readonly rows: UploadRow[];
  lateReadings: number;
  unfitReadings: number;
}

export function said(): Said {
  const heard: Said = {
    rows: [],
    lateReadings: 0,
    unfitReadings: 0,
    row: (row) => void heard.rows.push(row),
    late: (readings) => void (heard.lateReadings += readings),
    unfit: () => void (heard.unfitReadings += 1),
  };
  return heard;
}

export function observed(
  time: number,
  value: TagValue | null,
  quality: Quality = "good",
  sequence = 1,
  status = "SensorFault",
): Observed {
  const good = quality === "good";
  return { time, value: quality === "bad" ? null : value, quality, status: good ? null : status, sequence };
}

/** A reading and when it came. */
export interface Arrival {
  readonly reading: Observed;
  readonly at: number;
}

/** A fold over readings in the order of their arrival, then finished. A row as `{ time, quality, mean: …, … }`. */
export function folded<State>(
  fold: Fold<State>,
  arrivals: readonly Arrival[],
  each: (state: State, index: number, output: Said) => State = (state) => state,
): Said {
  const output = said();
  let state = fold.begin();
  for (const [index, { reading, at }] of arrivals.entries()) {
    fold.take(state, reading, at, output);
    state = each(state, index, output);
  }
  fold.finish(state, output);
  return output;
}

/** A row with the names of its values. */
export function named<State>(fold: Fold<State>, row: UploadRow | undefined): Record<string, unknown> {
  return {
    time: row?.time,
    quality: row?.quality,
    ...Object.fromEntries(fold.columns.map((name, index) => [name, row?.values[index]])),
  };
}
