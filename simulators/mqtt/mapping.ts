import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";

/** What a simulator needs to know of an MQTT device's `connection:`. */
export interface MqttConnectionOptions {
  readonly clientId?: string | undefined;
  readonly will?: MqttWill | undefined;
}

/** Where the device says that it is there or gone. */
export interface MqttWill {
  readonly topic: string;
  readonly pointer?: string | undefined;
  /** The values that mean it is gone; the last one is what a last will says. */
  readonly offline: readonly string[];
}

/** What a simulator needs to know of an MQTT tag. */
export interface MqttTagOptions {
  /** A topic filter. */
  readonly address: string;
  /** JSON Pointer of the value; absent where the payload is the value itself. */
  readonly pointer?: string | undefined;
  readonly timestamp?: { readonly pointer: string } | undefined;
}

export type MqttDeviceMapping = DeviceMapping<MqttConnectionOptions, unknown, MqttTagOptions>;
