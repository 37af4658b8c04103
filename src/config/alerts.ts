import type { Duration } from "../domain/duration.ts";
import type { JsonValue } from "../domain/reading.ts";
import type { Comparable, Publication } from "./line.ts";

/** `alerts.yaml`, checked, defaults filled in. Plain data. Tags are named as `press-1/ram/pressure`. */
export interface AlertsConfig {
  readonly alerts: readonly AlertRule[];
  readonly flood: FloodLimits;
  readonly chatter: ChatterLimits;
}

/** ISA-18.2 §16.5: an alarm system in flood is one that nobody can follow any more. */
export interface FloodLimits {
  /** A flood begins when this many alerts were raised within `within`, and ends when half of it were. */
  readonly alerts: number;
  readonly within: Duration;
}

/** An alert that comes and goes more often than this chatters. */
export interface ChatterLimits {
  readonly times: number;
  readonly within: Duration;
}

/** What `${…}` stands for in an alert's message and in the texts of its actions. */
export const alertFillable = ["value", "tag", "alert", "time"] as const;

export const priorities = ["critical", "high", "medium", "low"] as const;
export type Priority = (typeof priorities)[number];

export interface AlertRule {
  /** A segment: part of the topic `alert/<site>/<name>`. */
  readonly name: string;
  /** What is wrong and what to do, for people; `${value}`, `${tag}`, `${alert}` and `${time}` are filled in. */
  readonly message: string;
  readonly priority: Priority;
  readonly when: AlertCondition;
  /** The condition must hold for this long before the alert is raised; 0: at once. */
  readonly onDelay: Duration;
  /** The condition must be gone for this long before the alert returns to normal; 0: at once. */
  readonly offDelay: Duration;
  /** Stays raised after its condition is gone until it is reset. */
  readonly latch: boolean;
  /** False: acknowledged as soon as it is raised. */
  readonly acknowledge: boolean;
  /** Acknowledged and still raised after this time, it is unacknowledged again; absent: never. */
  readonly realarm?: Duration;
  /** Of the alerts in one group the first that was raised is marked `firstOut`. */
  readonly group?: string;
  /** While this holds the alert is suppressed by design. */
  readonly suppressWhile?: AlertCondition;
  readonly actions: readonly AlertAction[];
}

/**
 * What raises an alert. Comparisons hold for good values only: a bad or missing value leaves a comparison as it was,
 * unknown at first.
 */
export type AlertCondition =
  | { readonly kind: "all" | "any"; readonly of: readonly AlertCondition[] }
  | { readonly kind: "not"; readonly of: AlertCondition }
  /** Above `limit`; gone again at `limit - deadband`. */
  | {
      readonly kind: "above" | "below";
      readonly tag: string;
      readonly limit: number;
      readonly deadband: number;
    }
  /** Below `low` or above `high`; gone again `deadband` inside of them. */
  | {
      readonly kind: "outside";
      readonly tag: string;
      readonly low: number;
      readonly high: number;
      readonly deadband: number;
    }
  | { readonly kind: "is" | "isNot"; readonly tag: string; readonly value: Comparable }
  /** Two good values after each other differ; holds for `holdFor` from the change. */
  | { readonly kind: "changes"; readonly tag: string; readonly holdFor: Duration }
  /** Changes by more than `limit` units within `over`, up, down or either way; gone again at `limit - deadband`. */
  | {
      readonly kind: "rate";
      readonly tag: string;
      readonly limit: number;
      readonly over: Duration;
      readonly direction: "up" | "down" | "either";
      readonly deadband: number;
    }
  /** The two tags differ by more than `limit`; gone again at `limit - deadband`. */
  | {
      readonly kind: "deviation";
      readonly tag: string;
      readonly from: string;
      readonly limit: number;
      readonly deadband: number;
    }
  /** No good reading of the tag for this long. */
  | { readonly kind: "stale"; readonly tag: string; readonly after: Duration }
  /** The tag's quality is bad, or not good where `uncertain` is true. */
  | { readonly kind: "bad"; readonly tag: string; readonly uncertain: boolean }
  | { readonly kind: "offline"; readonly device: string }
  /** At least `atLeast` events within `within`. */
  | {
      readonly kind: "count";
      readonly of: CountedEvent;
      readonly atLeast: number;
      readonly within: Duration;
    };

export type CountedEvent =
  | { readonly kind: "edge"; readonly tag: string; readonly edge: "rise" | "fall" | "change" }
  /** An event of line.yaml's, such as `late` or `missed` at `weld`. */
  | { readonly kind: "line"; readonly station: string; readonly event: string };

/** `cleared` comes with each return to normal, a latched alert's with its reset. */
export type AlertMoment = "raised" | "acknowledged" | "cleared";

export type AlertAction = { readonly on: AlertMoment } & (
  | { readonly kind: "write"; readonly tag: string; readonly value: JsonValue }
  | ({ readonly kind: "publish" } & Publication)
  | {
      readonly kind: "webhook";
      readonly url: string;
      /** Headers by name; a value may be a secret's place, such as env:TOKEN or file:token. */
      readonly headers: Readonly<Record<string, string>>;
      readonly timeout: Duration;
      /** Tried again with growing pauses for this long; then given up and told. */
      readonly retryFor: Duration;
    }
);
