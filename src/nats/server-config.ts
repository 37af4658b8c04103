import { leafSection, type HubRemote } from "./hub-remote.ts";
import type { ServerFeatures } from "./version.ts";

/** A user of nats-server, its rights already rendered as subjects. */
export interface NatsUser {
  readonly name: string;
  /** bcrypt; absent only for `anonymous`. */
  readonly passwordHash?: string | undefined;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
  /** May publish on the reply subject of what it gets, once each. */
  readonly answers?: boolean;
}

/** TLS of the listener; absolute paths of PEM files. With `ca`, clients must show a certificate signed by it. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string | undefined;
}

/** The user that stands for clients without a password. */
const anonymous = "anonymous";

export interface ServerConfigInput {
  readonly gateway: string;
  readonly host: string;
  /** 0 takes a free one from the operating system. */
  readonly port: number;
  /** JetStream's folder, absolute. */
  readonly store: string;
  readonly maxFileBytes: number;
  readonly maxMemoryBytes: number;
  /** The public half of the key pair that the gateway made for itself at this start. */
  readonly gatewayKey: string;
  /** Without any, whoever can reach the listener may do everything: for loopback only. */
  readonly users: readonly NatsUser[];
  /** Absolute paths. */
  readonly tls?: ServerTls | undefined;
  /** Where it is a leaf of. */
  readonly hub?: HubRemote | undefined;
  readonly features: ServerFeatures;
}

/**
 * A hub's sources have up to 32 MiB of each stream under way (nats-server, JsFlowControlMaxPending). From half of
 * max_pending on 2.9 holds up whoever publishes something that goes to the hub too, for up to a second: the gateway itself.
 */
const leafPending = 134_217_728;

/** The configuration file of the embedded nats-server. JSON is a form that the server takes, and quoting is exact in it. */
export function serverConfig(input: ServerConfigInput): string {
  const config: Record<string, unknown> = {
    server_name: input.gateway,
    host: input.host,
    port: input.port === 0 ? -1 : input.port,
    logtime: false,
    max_payload: 1_048_576,
    max_connections: 1_024,
    // One slow subscriber may hold this much, not the default of 64 MB; then it is disconnected, or after write_deadline.
    max_pending: input.hub === undefined ? 16_777_216 : leafPending,
    write_deadline: "5s",
    // A hub behind a black hole is given up after 10 s; with the default of two minutes it is not noticed in five.
    ping_interval: input.hub === undefined ? "20s" : "5s",
    ping_max: 2,
    jetstream: {
      store_dir: input.store,
      max_file_store: input.maxFileBytes,
      max_memory_store: input.maxMemoryBytes,
      // The hub tells the JetStreams of its gateways apart by it: `$JS.<domain>.API`.
      ...(input.hub === undefined ? {} : { domain: input.gateway }),
      ...(input.features.syncInterval ? { sync_interval: "always" } : {}),
      ...(input.features.bufferedMessages
        ? { max_buffered_msgs: 100_000, max_buffered_size: 33_554_432 }
        : {}),
    },
  };
  if (input.hub !== undefined) {
    config["leafnodes"] = leafSection(input.hub, input.features);
    // Where the gateway looks how the link stands: `/leafz`.
    config["http"] = "127.0.0.1:-1";
  }
  if (input.users.length > 0) {
    config["authorization"] = { users: [{ nkey: input.gatewayKey }, ...input.users.map(userEntry)] };
    if (input.users.some((user) => user.name === anonymous)) config["no_auth_user"] = anonymous;
  }
  if (input.tls !== undefined) {
    const { cert, key, ca } = input.tls;
    config["tls"] = {
      cert_file: cert,
      key_file: key,
      ...(ca === undefined ? {} : { ca_file: ca, verify: true }),
    };
  }
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

function userEntry(user: NatsUser): object {
  return {
    user: user.name,
    ...(user.passwordHash === undefined ? {} : { password: user.passwordHash }),
    permissions: {
      publish: only(user.publish),
      subscribe: only(user.subscribe),
      ...(user.answers === true ? { allow_responses: true } : {}),
    },
  };
}

/** nats-server takes an empty list of allowed subjects for no limit at all. */
function only(subjects: readonly string[]): object {
  return subjects.length > 0 ? { allow: subjects } : { deny: [">"] };
}
