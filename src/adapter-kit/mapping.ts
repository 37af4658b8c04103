import type { Duration } from "../domain/duration.ts";

/** What a tag's raw value may be. The write guard checks against it; normalising names 64-bit types by it. */
export type ValueSpec =
  | { readonly kind: "boolean" }
  | {
      readonly kind: "integer";
      readonly min: bigint;
      readonly max: bigint;
      readonly wide?: "int64" | "uint64";
    }
  | {
      readonly kind: "float";
      /** IEEE 754 single: shown with the digits it has. */ readonly single?: boolean;
    }
  | { readonly kind: "string"; /** In characters. */ readonly maxLength?: number }
  /** Arrays and structures. */
  | { readonly kind: "json" };

/** Report by exception: a reading is published only where the value left the band around the last one published. */
export interface Deadband {
  /** `absolute`: in the tag's unit. `percent`: of the last published value. */
  readonly kind: "absolute" | "percent";
  readonly band: number;
  /** A reading goes out after this long even where nothing changed. */
  readonly republish: Duration;
}

/** What another tag of the site must say before a write is let through: good, not stale, and of this value. */
export interface Permissive {
  /** Below the site, such as `press-1/guard/closed`. */
  readonly tag: string;
  readonly equals?: boolean | number | string;
  /** Inclusive, in that tag's unit. */
  readonly min?: number;
  readonly max?: number;
}

/** What the gateway does when a written value could not be confirmed, beside its reply and the audit. */
export type OnWriteFailure = "retry-once" | "alert" | "none";

/** What may be written to a tag, and how; figures in the tag's unit (scaled). */
export interface WriteRule<WriteOptions = unknown> {
  readonly min?: number;
  readonly max?: number;
  /** The most that one write may change the value by. */
  readonly maxStep?: number;
  /** The most that writes may change the value by in a span of time. */
  readonly rate?: { readonly max: number; readonly per: Duration };
  readonly requires?: readonly Permissive[];
  /** How far what is read back may lie from what was asked for; absent: as exactly as the device's type holds it. */
  readonly tolerance?: number;
  /** Absent: `alert`. */
  readonly onFailure?: OnWriteFailure;
  /** Whoever writes must write again within this time, else the gateway writes `failSafe`. */
  readonly heartbeat?: { readonly within: Duration; readonly failSafe: boolean | number | string };
  /** People's writes need a second request with the token that the first one got. */
  readonly confirm?: true;
  /** The adapter's own keys of the `write` entry. */
  readonly options: WriteOptions;
  /** What is read back is an answer of its own (a method's results) and need not be what was written. */
  readonly answers?: true;
}

/** The poll group a tag belongs to. */
export interface PollGroup {
  readonly name: string;
  readonly interval: Duration;
}

/** Messages of a device on the gateway's own broker that are on disk before they are acknowledged. */
export interface DurableTopic {
  /** Topic filter. */
  readonly filter: string;
  /** Where a message's own identity stands in its JSON, as JSON Pointer: one that comes again is not stored again. */
  readonly id?: string;
}

/** One tag as its mapping declares it, defaults filled in. Plain data that can be cloned across a process boundary. */
export interface TagMapping<TagOptions = unknown> {
  /** `ram/pressure`; where the adapter allows templates also `shelf/{1}/stock`. */
  readonly name: string;
  /** The adapter's own keys of the tag: address, type, order, … */
  readonly options: TagOptions;
  readonly value: ValueSpec;
  /** Published value = raw × scale + offset. */
  readonly scale: number;
  readonly offset: number;
  readonly unit?: string;
  readonly description?: string;
  /** Absent where the adapter does not poll. */
  readonly poll?: PollGroup;
  readonly deadband?: Deadband;
  /** After this long without a sample the tag goes bad (`Stale`); absent: never. */
  readonly stale?: Duration;
  readonly write?: WriteRule;
  readonly durable?: DurableTopic;
}

/** One device as its mapping file declares it, defaults filled in. Plain data. */
export interface DeviceMapping<Connection = unknown, Options = unknown, TagOptions = unknown> {
  readonly device: string;
  readonly adapter: string;
  readonly connection: Connection;
  /** The adapter's own keys at the top of the device file, such as a default order. */
  readonly options: Options;
  /** After this long with no sample at all the device counts as lost; absent: the adapter alone judges. */
  readonly silence?: Duration;
  readonly tags: readonly TagMapping<TagOptions>[];
}
