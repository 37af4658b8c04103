import type { ByteSize } from "../domain/byte-size.ts";
import type { Duration } from "../domain/duration.ts";

/** Figures of a window over numbers and booleans (as 1 and 0); of other values only `first`, `last` and `count`. */
export const windowFigures = [
  "mean",
  "min",
  "max",
  "first",
  "last",
  "count",
  "sum",
  "increase",
  "stddev",
] as const;

/** Figures of a window over arrays of samples. */
export const vibrationFigures = ["rms", "peak", "crest", "kurtosis"] as const;

/** `p95`: the value that 95 in 100 readings of the window are at or below. */
export type WindowFigure = (typeof windowFigures)[number] | (typeof vibrationFigures)[number] | `p${number}`;

/** What an array of samples is, and the bands whose energy is asked for. */
export interface VibrationRule {
  /** Samples a second. */
  readonly sampleRate: number;
  /** From and to in Hz; the upper end belongs to the next band. */
  readonly bands: readonly (readonly [number, number])[];
}

/** What of a tag's readings is uploaded; `none`: nothing, though a pattern says otherwise. Plain data. */
export type UploadRule = { readonly kind: "none" } | ActiveRule;

export type ActiveRule =
  /** Every reading. */
  | { readonly kind: "raw"; readonly stream: string }
  /** Every change of value or quality, sent at once instead of with the next batch. */
  | { readonly kind: "event"; readonly stream: string }
  /** Readings that are further from the last uploaded one than `deadband`, or of another quality. */
  | {
      readonly kind: "onChange";
      readonly stream: string;
      readonly deadband: number;
      readonly atLeastEvery?: Duration;
    }
  /** The readings that are needed for a line through them to pass all others within `deviation`. */
  | {
      readonly kind: "swingingDoor";
      readonly stream: string;
      readonly deviation: number;
      readonly atLeastEvery?: Duration;
      readonly lateness: Duration;
    }
  /** Figures of windows of `every`, which begin at whole multiples of it since the Unix epoch. */
  | {
      readonly kind: "window";
      readonly stream: string;
      readonly every: Duration;
      readonly values: readonly WindowFigure[];
      /** How far behind the newest reading of its tag one may be and still enter. */
      readonly lateness: Duration;
      /** The counter begins again at 0 when it reaches this; absent: a lower value is a counter that was reset. */
      readonly rollover?: number;
      readonly vibration?: VibrationRule;
    };

/** A batch is closed by whichever comes first. */
export interface BatchLimits {
  readonly maxAge: Duration;
  readonly maxBytes: ByteSize;
  readonly maxReadings: number;
}

/** What of a site is uploaded: the rules of its mappings and of gateway.yaml, resolved. Plain data. */
export interface UploadConfig {
  /** By tag, as `press-1/ram/pressure` or, where a wildcard makes the tags, `shelves/shelf/{1}/stock`. */
  readonly tags: Readonly<Record<string, ActiveRule>>;
  readonly batch: BatchLimits;
}
