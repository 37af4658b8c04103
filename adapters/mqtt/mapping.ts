import type {
  DeviceMapping,
  Duration,
  JsonValueType,
  TagMapping,
  TimestampUnit,
} from "../../src/adapter-kit/index.ts";

/** What a payload is. */
type PayloadKind = "json" | "number" | "text";

/** Which vehicle of a fleet this is, as the topics and headers of VDA 5050 say it (V2.0.0 §6.4, §6.5). */
export interface Vda5050Identity {
  /** The first level of its topics. */
  readonly interfaceName: string;
  /** Such as `2.0.0`; `v2` in its topics. */
  readonly version: string;
  readonly manufacturer: string;
  readonly serialNumber: string;
}

/** The keys of `connection:`. */
export interface MqttConnection {
  /** What `./` at the beginning of a topic stands for. */
  readonly base?: string | undefined;
  readonly vda5050?: Vda5050Identity | undefined;
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
  /** Messages are acknowledged once they are on disk; `id` is where their own identity stands, as JSON Pointer. */
  readonly durable?: boolean | { readonly id: string } | undefined;
}

/** The adapter's keys of a `write` entry. */
export interface MqttWriteOptions {
  readonly topic: string;
  readonly pointer?: string | undefined;
  /** The header of VDA 5050 is put before the value's own fields. */
  readonly header: boolean;
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
