import type { DeviceMapping, Duration, TagMapping } from "../../src/adapter-kit/index.ts";

export const securityPolicies = [
  "none",
  "basic256sha256",
  "aes128-sha256-rsaoaep",
  "aes256-sha256-rsapss",
] as const;
export type PolicyName = (typeof securityPolicies)[number];

export const securityModes = ["sign", "sign-and-encrypt"] as const;
export type ModeName = (typeof securityModes)[number];

/** When a subscribed value is sent: OPC UA Part 4 §7.22.2, DataChangeTrigger. */
export const triggers = ["status", "status-value", "status-value-timestamp"] as const;
export type TriggerName = (typeof triggers)[number];

/** Who fetches a value: the server sends changes, or the gateway asks at the interval of a poll group. */
export type Mode = "subscribe" | "poll";

/** A secret, `env:NAME` or `file:PATH`. */
export type SecretReference = string;

/** The keys of `connection:`. */
export interface OpcuaConnection {
  /** `opc.tcp://host:4840/path`. */
  readonly endpoint: string;
  readonly security: {
    /** Absent: the strongest secure one that the server offers. */
    readonly policy?: PolicyName | undefined;
    /** Absent: sign and encrypt where the server offers it for the policy, else sign. */
    readonly mode?: ModeName | undefined;
    readonly trust: "listed" | "on-first-use";
  };
  readonly user?: string | undefined;
  readonly password?: SecretReference | undefined;
  /** X.509 user identity, both in PEM. */
  readonly userCertificate?:
    | { readonly certificate: SecretReference; readonly key: SecretReference }
    | undefined;
  /** An answer that takes longer is a lost connection. */
  readonly timeout: Duration;
}

/** A source of alarms, conditions and other events. */
export interface EventSource {
  /** Node id of the notifier. */
  readonly node: string;
  /** The least severity, 1 to 1000. */
  readonly severity: number;
}

/** The adapter's keys at the top of a device file. */
export interface OpcuaOptions {
  readonly mode: Mode;
  readonly publishingInterval: Duration;
  readonly samplingInterval: Duration;
  readonly queueSize: number;
  readonly trigger: TriggerName;
  readonly timestamps: "source" | "server";
  readonly heartbeat: Duration;
  readonly retryBadTags: Duration;
  readonly events: readonly EventSource[];
}

export interface OpcuaTagOptions {
  /** `nsu=http://example.com/line;s=Press.Pressure`. */
  readonly node?: string | undefined;
  /** `/Objects/2:Press/2:Pressure`. */
  readonly path?: string | undefined;
  /** For methods: the object that it is called on, and the method. */
  readonly object?: string | undefined;
  readonly method?: string | undefined;
  readonly type?: string | undefined;
  readonly mode?: Mode | undefined;
  readonly samplingInterval?: Duration | undefined;
  readonly queueSize?: number | undefined;
  readonly trigger?: TriggerName | undefined;
  readonly serverDeadband?: number | undefined;
  readonly serverDeadbandPercent?: number | undefined;
}

export type OpcuaDevice = DeviceMapping<OpcuaConnection, OpcuaOptions, OpcuaTagOptions>;
export type OpcuaTag = TagMapping<OpcuaTagOptions>;

/** True where a tag stands for a method: it is called by a write and holds its last results. */
export function isMethod(tag: Pick<OpcuaTagOptions, "method">): boolean {
  return tag.method !== undefined;
}

export function modeOf(tag: OpcuaTagOptions, device: Pick<OpcuaOptions, "mode">): Mode {
  return tag.mode ?? device.mode;
}
