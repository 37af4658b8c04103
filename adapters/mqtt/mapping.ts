import type {
  DeviceMapping,
  Duration,
  JsonValueType,
  TagMapping,
  TimestampUnit,
} from "../../src/adapter-kit/index.ts";

/** What a payload is. */
type PayloadKind = "json" | "number" | "text";

/** The keys of `connection:`. */
export interface MqttConnection {
  /** The client id under which the device itself connects and stays connected: it is lost when that client is gone. */
  readonly clientId?: string | undefined;
  readonly silence?: Duration | undefined;
  /** The topic where the device, or its last will, tells whether it is there. */
  readonly will?:
    | {
        readonly topic: string;
        readonly pointer?: string | undefined;
        readonly offline: readonly (string | number | boolean)[];
      }
    | undefined;
}

/** This protocol has no keys of its own at the top of a device file. */
export type MqttOptions = Readonly<Record<string, never>>;

export interface MqttTagOptions {
  /** Topic filter. */
  readonly address: string;
  readonly payload: PayloadKind;
  /** JSON Pointer (RFC 6901); absent: the whole payload. */
  readonly pointer?: string | undefined;
  readonly type?: JsonValueType | undefined;
  readonly timestamp?: { readonly pointer: string; readonly unit: TimestampUnit } | undefined;
}

/** The adapter's keys of a `write` entry. */
export interface MqttWriteOptions {
  readonly topic: string;
  readonly pointer?: string | undefined;
}

export type MqttDeviceMapping = DeviceMapping<MqttConnection, MqttOptions, MqttTagOptions>;
export type MqttTagMapping = TagMapping<MqttTagOptions>;

/** The type of a tag that names none. */
export function typeOf({ type, payload }: Pick<MqttTagOptions, "type" | "payload">): JsonValueType {
  return type ?? (payload === "text" ? "string" : "float");
}

/** How many wildcards a topic filter has. */
export function wildcardCount(filter: string): number {
  return filter.split("/").filter((level) => level === "+" || level === "#").length;
}

/** The wildcards that a tag's name is filled from, such as 1 and 2 for `store/{1}/shelf/{2}`. */
export function placeholders(name: string): number[] {
  return [...name.matchAll(/\{(\d+)\}/g)].map(([, number]) => Number(number));
}
