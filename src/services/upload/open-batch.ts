import type { Duration } from "../../domain/duration.ts";
import type { IntegerType, Quality, TagValue } from "../../domain/reading.ts";
import type { UploadRow } from "../aggregation/fold.ts";
import type { BatchSeries } from "./batch.ts";

/** So many rows of a series are encoded in about a millisecond: longer ones are broken up. */
const longestSeries = 4_096;

/** Whose rows they are. The object itself is the key: one for each tag and rule. */
export interface RowSource {
  readonly name: string;
  readonly columns: readonly string[];
  readonly every: number | undefined;
  unit: string | undefined;
  integerType: IntegerType | undefined;
}

interface OpenSeries {
  readonly source: RowSource;
  readonly times: number[];
  readonly sequences: number[];
  readonly qualities: Quality[];
  readonly statuses: (string | null)[];
  readonly columns: (TagValue | null)[][];
}

/** The rows of one stream until they are sent. */
export class OpenBatch {
  /** When the first row came, by the steady clock. */
  readonly since: number;
  /** Windows were made coarser to this, where they were. */
  readonly thinnedTo: Duration | undefined;
  readonly #open = new Map<RowSource, OpenSeries>();
  readonly #full: OpenSeries[] = [];
  #rows = 0;
  #bytes = 0;

  constructor(since: number, thinnedTo?: Duration) {
    this.since = since;
    this.thinnedTo = thinnedTo;
  }

  get rows(): number {
    return this.#rows;
  }

  /** About what the rows take before they are compressed. */
  get bytes(): number {
    return this.#bytes;
  }

  add(source: RowSource, row: UploadRow): void {
    let series = this.#open.get(source);
    if (series === undefined || series.times.length >= longestSeries) {
      if (series !== undefined) this.#full.push(series);
      const columns = source.columns.map(() => []);
      series = { source, times: [], sequences: [], qualities: [], statuses: [], columns };
      this.#open.set(source, series);
      this.#bytes += 16 + source.name.length;
    }
    series.times.push(row.time);
    if (row.sequence !== undefined) series.sequences.push(row.sequence);
    series.qualities.push(row.quality);
    series.statuses.push(row.status);
    for (const [index, value] of row.values.entries()) series.columns[index]?.push(value);
    this.#rows += 1;
    this.#bytes += sizeOf(row);
  }

  /** All rows, those of a series in the order in which they came. */
  *series(): Generator<BatchSeries> {
    for (const series of this.#full) yield closed(series);
    for (const series of this.#open.values()) yield closed(series);
  }
}

function closed({ source, times, sequences, qualities, statuses, columns }: OpenSeries): BatchSeries {
  return {
    tag: source.name,
    ...(source.unit === undefined ? {} : { unit: source.unit }),
    ...(source.every === undefined ? {} : { every: source.every }),
    ...(source.integerType === undefined ? {} : { integerType: source.integerType }),
    times,
    ...(sequences.length === times.length ? { sequences } : {}),
    qualities,
    statuses,
    columns: source.columns.map((name, index) => ({ name, values: columns[index] ?? [] })),
  };
}

/** About how many bytes a row takes before compression. */
export function sizeOf({ values }: UploadRow): number {
  let bytes = 2;
  for (const value of values) bytes += valueSize(value);
  return bytes;
}

function valueSize(value: TagValue | null): number {
  if (typeof value === "string") return 2 + 3 * value.length;
  if (typeof value !== "object" || value === null) return 4;
  if (Array.isArray(value) && typeof value[0] === "number") return 20 * value.length;
  return 2 + 3 * JSON.stringify(value).length;
}
