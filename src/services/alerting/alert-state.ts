import type { AlertMoment, AlertRule } from "../../config/alerts.ts";
import type { TagValue } from "../../domain/reading.ts";
import type { LeafState } from "./leaf.ts";

/**
 * The states of ANSI/ISA-18.2-2016 §5.2.5 and IEC 62682:2022 §5.2, by their letters there: A normal, B unacknowledged,
 * C acknowledged, D returned, unacknowledged, E latched, unacknowledged, F latched, acknowledged, G shelved, H suppressed
 * by design, I out of service.
 */
export const alertStates = [
  "normal",
  "unacknowledged",
  "acknowledged",
  "returned-unacknowledged",
  "latched-unacknowledged",
  "latched-acknowledged",
  "shelved",
  "suppressed",
  "out-of-service",
] as const;
export type AlertStateName = (typeof alertStates)[number];

/** What happens to an alert; each is told once, with a sequence of its own. */
export type AlertEvent =
  | "raised"
  | "acknowledged"
  | "cleared"
  | "latched"
  | "reset"
  | "realarmed"
  | "shelved"
  | "unshelved"
  | "suppressed"
  | "unsuppressed"
  | "out-of-service"
  | "in-service"
  /** It stands in alerts.yaml no more. */
  | "removed";

export interface Person {
  readonly by: string;
  readonly why?: string | undefined;
}

export interface Shelving extends Person {
  /** ms. */
  readonly until: number;
  /** For how long it was asked for, in ms. Earlier versions stored none. */
  readonly forMs?: number;
}

/** An action that is begun or to be begun, kept until it is known to be done. */
export interface OpenAction {
  /** The sequence of the event that it belongs to, and its place among the rule's actions then: its identity. */
  readonly sequence: number;
  readonly index: number;
  readonly on: AlertMoment;
  /** The mark of what is to be done: an edited rule has something else in its place. Earlier versions stored none. */
  readonly what?: string;
  /** ms: when it was called for. */
  readonly at: number;
  /** The device that could not take it: it is tried again. */
  readonly waitsFor?: string;
}

/** One alert. Times are ms of the service's own clock, which begins with Unix time and never steps. */
export interface AlertLife {
  /** Raised and not returned to normal. */
  readonly raised: boolean;
  /** Returned to normal, but held until it is reset. */
  readonly latched: boolean;
  readonly acknowledged: boolean;
  readonly shelved: Shelving | null;
  readonly outOfService: Person | null;
  readonly suppressed: boolean;
  /** Until when the condition must hold to raise it, or be gone to return it; null: that is not under way. */
  readonly onAt: number | null;
  readonly offAt: number | null;
  readonly realarmAt: number | null;
  /** The last event, and who was it. */
  readonly last: (Partial<Person> & { readonly event: AlertEvent }) | null;
  /** Unix ms of the last event, and of the last time that it was raised. */
  readonly since: number | null;
  readonly raisedAt: number | null;
  /** The last event's number; grows by one. */
  readonly sequence: number;
  /** How often it was raised. */
  readonly count: number;
  /** ms: the last times that it was raised, as many as chatter is told by. */
  readonly raises: readonly number[];
  /** Of its group the first that was raised; null: it has no group. Means nothing while it is normal. */
  readonly firstOut: boolean | null;
  /** What raised it, as it was then. */
  readonly cause: Cause | null;
  readonly open: readonly OpenAction[];
}

export interface Cause {
  /** The tag, or the device or station. */
  readonly name: string;
  readonly value: TagValue | null;
}

/** An alert with what its conditions remember. */
export interface AlertRuntime {
  readonly life: AlertLife;
  readonly when: readonly LeafState[];
  readonly suppress: readonly LeafState[];
}

export const newLife: AlertLife = {
  raised: false,
  latched: false,
  acknowledged: true,
  shelved: null,
  outOfService: null,
  suppressed: false,
  onAt: null,
  offAt: null,
  realarmAt: null,
  last: null,
  since: null,
  raisedAt: null,
  sequence: 0,
  count: 0,
  raises: [],
  firstOut: null,
  cause: null,
  open: [],
};

export function stateNameOf(life: AlertLife): AlertStateName {
  if (life.outOfService !== null) return "out-of-service";
  if (life.shelved !== null) return "shelved";
  if (life.suppressed) return "suppressed";
  if (life.raised) return life.acknowledged ? "acknowledged" : "unacknowledged";
  if (life.latched) return life.acknowledged ? "latched-acknowledged" : "latched-unacknowledged";
  return life.acknowledged ? "normal" : "returned-unacknowledged";
}

/** Of the form in the store: another one is not read. */
const storedVersion = 1;

/** With the conditions, so that what an edited rule's leaves remember is not taken for another leaf's. */
export function encodeAlert({ when, suppressWhile }: AlertRule, runtime: AlertRuntime): string {
  return JSON.stringify({ version: storedVersion, conditions: [when, suppressWhile], ...runtime }, bigToText);
}

/** What the store holds of an alert; undefined where that is nothing this version knows. */
export function decodeAlert(
  { when, suppressWhile }: AlertRule,
  json: string,
): (AlertRuntime & { readonly sameConditions: boolean }) | undefined {
  try {
    const stored = JSON.parse(json) as AlertRuntime & {
      readonly version: number;
      readonly conditions: unknown;
    };
    if (stored.version !== storedVersion) return undefined;
    const sameConditions = JSON.stringify(stored.conditions) === JSON.stringify([when, suppressWhile]);
    return { life: stored.life, when: stored.when, suppress: stored.suppress, sameConditions };
  } catch {
    return undefined;
  }
}

/** An alert's life as the store holds it, whatever its rule; undefined where that is nothing this version knows. */
export function decodeLife(json: string): AlertLife | undefined {
  try {
    const { version, life } = JSON.parse(json) as { readonly version: number; readonly life: AlertLife };
    return version === storedVersion ? life : undefined;
  } catch {
    return undefined;
  }
}

function bigToText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
