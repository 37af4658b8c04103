import type { IntegerType, JsonValue, Quality, TagValue } from "../../domain/reading.ts";

/** What of a batch stands in its messages' headers too. */
export interface BatchHead {
  readonly gateway: string;
  readonly site: string;
  /** Names the gateway's durable state: batch numbers begin anew with another. */
  readonly epoch: string;
  readonly stream: string;
  /** From 1, without a gap, for each stream of an epoch. */
  readonly batch: number;
}

/** A column of a series: a value for each of its rows. */
export interface BatchColumn {
  /** `value` for readings; for windows the name of the figure, such as `mean`. */
  readonly name: string;
  readonly values: readonly (TagValue | null)[];
}

/** Rows of one tag, in the order in which they came. All lists are of one length. */
export interface BatchSeries {
  /** Below the site, such as `press-1/ram/pressure`. */
  readonly tag: string;
  readonly unit?: string;
  /** For windows: their length in ms. A row's time is then the window's start. */
  readonly every?: number;
  /** For 64-bit tags: how a wide value is to be taken. */
  readonly integerType?: IntegerType;
  /** ms since the Unix epoch. */
  readonly times: readonly number[];
  /** The readings' sequence numbers; absent for windows. */
  readonly sequences?: readonly number[];
  readonly qualities: readonly Quality[];
  readonly statuses: readonly (string | null)[];
  readonly columns: readonly BatchColumn[];
}

/** What is uploaded in one message. */
export interface Batch extends BatchHead {
  readonly series: readonly BatchSeries[];
}

/** Readings and windows in a batch. */
export function rowsOf(series: readonly BatchSeries[]): number {
  return series.reduce((sum, { times }) => sum + times.length, 0);
}

/** The earliest and the latest time in a batch; both 0 where it is empty. */
export function spanOf(series: readonly BatchSeries[]): { readonly from: number; readonly to: number } {
  let from = Infinity;
  let to = -Infinity;
  for (const { times } of series) {
    for (const time of times) {
      if (time < from) from = time;
      if (time > to) to = time;
    }
  }
  return from > to ? { from: 0, to: 0 } : { from, to };
}

/** True for arrays and structures. */
export function isStructured(value: TagValue | null): value is Extract<JsonValue, object> {
  return typeof value === "object" && value !== null;
}
