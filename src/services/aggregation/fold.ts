import type { Quality, TagValue } from "../../domain/reading.ts";

/** A reading as the folds see it. */
export interface Observed {
  /** ms since the Unix epoch, by whoever stamped it. */
  readonly time: number;
  readonly value: TagValue | null;
  readonly quality: Quality;
  readonly status: string | null;
  readonly sequence: number;
}

/** A row of a batch. */
export interface UploadRow {
  /** Of a reading its time, of a window its start. */
  readonly time: number;
  readonly quality: Quality;
  readonly status: string | null;
  /** Absent for windows. */
  readonly sequence?: number;
  /** In the order of the fold's `columns`. */
  readonly values: readonly (TagValue | null)[];
}

/** What comes of a fold. */
export interface FoldOutput {
  row(row: UploadRow): void;
  /** Readings that came later than the rule allows: they are in no row. */
  late(readings: number): void;
  /** A good reading whose value the rule has no use for, such as a text where a mean is asked for. */
  unfit(): void;
}

/**
 * Readings of one tag in, rows out. Everything it knows is in its state, which is plain data and changed in place, and
 * in the arguments: the same inputs give the same rows. `steady` is ms of a clock that never steps.
 */
export interface Fold<State> {
  /** The names of a row's values. */
  readonly columns: readonly string[];
  /** True where there is something to be kept over a restart. */
  readonly durable: boolean;
  begin(): State;
  take(state: State, observed: Observed, steady: number, output: FoldOutput): void;
  /** Time passes though no reading comes. */
  advance(state: State, steady: number, output: FoldOutput): void;
  /** When `advance` will have something to do, in steady ms; Infinity: not before the next reading. */
  dueAt(state: State): number;
  /** The rule ends: what is open comes out as it stands. */
  finish(state: State, output: FoldOutput): void;
  /** The state as JSON. */
  encode(state: State): string;
  /** Undefined where the text is no state of this fold. `steady`: now. Nobody watched the tag in between. */
  resume(text: string, steady: number): State | undefined;
}

/** A reading as a row. */
export function readingRow({ time, quality, status, sequence, value }: Observed): UploadRow {
  return { time, quality, status, sequence, values: [value] };
}

/** A value as a number: of booleans 1 and 0; undefined where it is none. */
export function asNumber(value: TagValue | null): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return typeof value === "boolean" ? Number(value) : undefined;
}

/** JSON with 64-bit integers and -0 in it. */
export function encodeState(state: unknown): string {
  return JSON.stringify(state, (_key, value: unknown) => {
    if (typeof value === "bigint") return { n: String(value) };
    return Object.is(value, -0) ? { n: "-0" } : value;
  });
}

/** Undefined where it is not what `encodeState` makes. */
export function decodeState(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown) => {
      const digits = typeof value === "object" && value !== null && "n" in value ? value.n : undefined;
      if (digits === "-0") return -0;
      return typeof digits === "string" && /^-?\d+$/.test(digits) ? BigInt(digits) : value;
    });
  } catch {
    return undefined;
  }
}
