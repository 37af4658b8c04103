import type { JsonValue } from "../domain/reading.ts";

/** Something that happened at a device and is no value of a tag: an inspection result, an alarm or condition. */
export interface DeviceEvent {
  /** A path, such as `inspected` or `alarm/overtemperature`: the last part of its topic and subject. */
  readonly name: string;
  /** Milliseconds since the Unix epoch at the source; absent: the gateway's own time. */
  readonly timestamp?: number;
  readonly data: { readonly [key: string]: JsonValue };
}
