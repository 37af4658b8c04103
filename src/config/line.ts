import type { Duration } from "../domain/duration.ts";
import type { JsonValue } from "../domain/reading.ts";

/** What a tag is compared with. */
export type Comparable = boolean | number | string;

/** `line.yaml`, checked, defaults filled in. Plain data. Tags are named as `press-1/cycle/done`. */
export interface LineConfig {
  readonly stations: readonly StationConfig[];
}

/** One station of the line. */
export interface StationConfig {
  readonly name: string;
  /** How it is seen that the station has finished a part; absent: it has as soon as its prepare is done. */
  readonly complete?: Completion;
  /** The tag that holds the id of the part in the station. */
  readonly part?: string;
  /** Whose parts come here; absent for the first station of a line. */
  readonly after?: After;
  /** Places before this station; absent: not watched. */
  readonly buffer?: number;
  /** All must hold before the station is prepared. */
  readonly ready: readonly Condition[];
  readonly prepare: Prepare;
  readonly confirm?: Confirmation;
  /** The most that may pass from the source's read to the prepare being sent. */
  readonly within?: Duration;
}

export interface After {
  /** `all`: one part of each is needed; `any`: one part of whichever comes first. */
  readonly mode: "all" | "any";
  readonly stations: readonly string[];
  /** Parts, or empty carriers, that stand before the station at the very first start, by the station they would come from. */
  readonly initial: Readonly<Record<string, number>>;
}

export type Completion = { readonly tag: string } & (
  | { readonly kind: "edge"; readonly edge: "rise" | "fall" }
  | {
      readonly kind: "counter";
      /** The counter begins at 0 again where it would reach this; absent: never. Decimal. */
      readonly rollover?: string;
      /** A larger step is not taken for parts. */
      readonly most: number;
    }
  | { readonly kind: "equals"; readonly equals: Comparable }
  /** From below; armed again below `rearm`. */
  | { readonly kind: "reaches"; readonly reaches: number; readonly rearm: number }
);

/** Holds where everything that it says holds and the tag's quality is good. */
export interface Condition {
  readonly tag: string;
  readonly is?: Comparable;
  readonly isNot?: Comparable;
  readonly above?: number;
  readonly below?: number;
}

export interface Confirmation extends Condition {
  /** From the prepare being sent. */
  readonly within: Duration;
}

export interface Prepare {
  /** Whether it may be sent again where a restart left it open whether it was sent. */
  readonly repeat: "safe" | "ask";
  readonly writes: readonly { readonly tag: string; readonly value: JsonValue }[];
  readonly publications: readonly Publication[];
}

/** A message of the mapping's own; `${part}`, `${station}`, `${cycle}` and `${time}` in its texts are filled in. */
export interface Publication {
  readonly to: "mqtt" | "nats";
  /** The MQTT topic or NATS subject. */
  readonly name: string;
  readonly payload: JsonValue;
}
