import type { JsonValue } from "../../domain/reading.ts";
import type { Watch } from "./completion.ts";
import type { Facts } from "./condition.ts";

export type LineEvent = "complete" | "prepare" | "confirmed" | "late" | "missed" | "blocked";

/** A part on its way. */
export interface Token {
  readonly part: string;
  /** Grows by one with each part that came before this station: the order in which they came. */
  readonly order: number;
  /** Its id was made up: the first tag that tells one gives it its name. */
  readonly made?: true;
  /** Another part was finished in its place once. */
  readonly passed?: true;
}

/** A part that a station took, with the station that it came from. */
export interface TakenToken {
  readonly from: string;
  readonly token: Token;
}

/** One part in a station: from the decision to prepare for it until it is complete. */
export interface Cycle {
  /** Grows by one with each of the station. */
  readonly number: number;
  readonly part: string;
  /** All parts that went into it, where a station joins several. */
  readonly parts: readonly string[];
  /** As they waited; absent where somebody named or made the part. */
  readonly taken?: readonly TakenToken[];
  /** Its id was made up. */
  readonly made?: true;
  /** The station whose part it is, or `manual`. */
  readonly from: string;
  /** The sequence of its prepare event. */
  readonly prepareId: number;
  /** The gateway's monotonic clock at the read that let it begin; null after a restart, where that clock began anew. */
  readonly readAt: number | null;
  /** Unix ms; null until it is sent. */
  readonly sentAt: number | null;
  /** The same by the monotonic clock; null or absent after a restart, where all that is read is read after it. */
  readonly sentSteady?: number | null;
  /** By the monotonic clock, until which the confirmation must come; null where none is waited for. A restart sets it anew. */
  readonly deadline: number | null;
  /** True where its prepare is to be sent again as soon as the devices that it writes to are there. */
  readonly waitsForDevices?: boolean;
}

/** `preparing`: told to prepare, not confirmed. `working`: it has its part. `missed`: it may not be prepared, somebody must look. */
export type Phase = "idle" | "preparing" | "working" | "missed";

export interface Held {
  readonly by: string;
  /** Unix ms. */
  readonly at: number;
  readonly why?: string | undefined;
}

/** What is still to be sent, kept until it is known to be sent: stored before, removed afterwards. */
export interface Effect {
  /** The event's sequence: one a station, growing by one. */
  readonly id: number;
  readonly station: string;
  readonly event: LineEvent;
  /** Further fields of the event. */
  readonly fields: { readonly [key: string]: JsonValue };
  /** Sent before a restart too, perhaps. */
  readonly repeated?: true;
}

/** Of one station, as it stands in the store. */
export interface StationState {
  readonly phase: Phase;
  readonly cycle: Cycle | null;
  readonly held: Held | null;
  readonly watch: Watch | null;
  /** Parts before the station, the oldest first, by the station they came from. */
  readonly waiting: { readonly [from: string]: readonly Token[] };
  /** Stations behind it that have no room. */
  readonly blockedBy: readonly string[];
  /** Ids made up so far. */
  readonly made: number;
  readonly arrived: number;
  readonly cycles: number;
  /** The last ids that were finished here or given up, where a tag tells them. */
  readonly remembered?: readonly string[] | undefined;
  /** Of the last event. */
  readonly sequence: number;
  readonly outbox: readonly Effect[];
}

export interface LineState {
  readonly stations: ReadonlyMap<string, StationState>;
  /** Not stored: they are read anew. */
  readonly facts: Facts;
  /** Devices that prepares write to, those that can be reached. Not stored either. */
  readonly online: ReadonlySet<string>;
}

/** The time, by both clocks. */
export interface Moment {
  /** Unix ms. */
  readonly now: number;
  readonly monotonic: number;
}

export const newStation: StationState = {
  phase: "idle",
  cycle: null,
  held: null,
  watch: null,
  waiting: {},
  blockedBy: [],
  made: 0,
  arrived: 0,
  cycles: 0,
  sequence: 0,
  outbox: [],
};

/** Of the form in the store: another one is not read. */
const storedVersion = 1;

export function encodeStation(state: StationState): string {
  return JSON.stringify({ version: storedVersion, ...state });
}

/** What the store holds of a station; undefined where that is nothing this version knows. */
export function decodeStation(json: string): StationState | undefined {
  try {
    const { version, ...stored } = JSON.parse(json) as StationState & { readonly version: number };
    return version === storedVersion ? stored : undefined;
  } catch {
    return undefined;
  }
}
