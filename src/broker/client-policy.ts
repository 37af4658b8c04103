import type { AedesOptions, AedesPublishPacket, Client } from "aedes";
import type { Log } from "../adapter-kit/log.ts";
import { GatewayError } from "../domain/errors.ts";
import { isTopicFilter, isTopicName, matchesFilter } from "../domain/topic-filter.ts";
import type { Authenticator, Login } from "../security/authenticator.ts";
import { isCommandTopic } from "../security/rights.ts";
import { divert, type IncomingPublish } from "./answers.ts";
import type { ClientRegistry } from "./client-registry.ts";
import { connectionOf, type Connection } from "./connection.ts";
import type { BrokerCounters, Rejection } from "./counters.ts";
import type { BrokerLimits } from "./limits.ts";
import type { SessionStore } from "./session-store.ts";

export interface ClientPolicyOptions {
  /** The gateway's path: commands go to its devices alone. */
  readonly site: string;
  readonly limits: BrokerLimits;
  readonly counters: BrokerCounters;
  readonly log: Log;
  readonly authenticator: Authenticator;
  readonly clients: ClientRegistry;
  readonly sessions: SessionStore;
  /** Takes a message that may go on its way; calls back when it may be answered. */
  readonly handOn: (client: Client, packet: IncomingPublish, done: (error?: Error | null) => void) => void;
}

type Hooks = Required<
  Pick<
    AedesOptions,
    "preConnect" | "authenticate" | "authorizePublish" | "authorizeSubscribe" | "authorizeForward"
  >
>;

/** Return codes of a CONNACK, MQTT 3.1.1 table 3.1. */
const returnCodes = {
  clientId: 2,
  connections: 3,
  tooManyFailures: 3,
  busy: 3,
  credentials: 4,
  anonymous: 5,
} as const;

/** A CONNACK of MQTT 5 with the reason 0x84, Unsupported Protocol Version: what such a client can read (MQTT 5 §3.2.2.2). */
const unsupportedVersion = Buffer.from([0x20, 0x03, 0x00, 0x84, 0x00]);

/** Who may connect, publish and subscribe: the hooks that aedes calls for each client. */
export class ClientPolicy {
  readonly #options: ClientPolicyOptions;
  readonly #commands: string;
  #fullLogged = false;

  constructor(options: ClientPolicyOptions) {
    this.#options = options;
    this.#commands = `cmd/${options.site}/`;
  }

  get hooks(): Hooks {
    return {
      preConnect: (client, packet, done) => {
        const connection = connectionOf(client);
        connection.anonymousSession = packet.clientId === "" && packet.clean === false;
        if (packet.protocolVersion !== 5) {
          done(null, true);
          return;
        }
        this.#count("version");
        connection.write(unsupportedVersion);
        done(refusal("This broker speaks MQTT 3.1 and 3.1.1.", "version"), false);
      },
      authenticate: (client, user, password, done) => {
        void this.#admit(client, user, password).then((refused) => {
          const error =
            refused === undefined
              ? null
              : Object.assign(refusal("The client was not let in.", refused), {
                  returnCode: returnCodes[refused],
                });
          // oxlint-disable-next-line promise/no-callback-in-promise -- aedes asks for a callback; #admit never rejects
          done(error, error === null);
        });
      },
      authorizePublish: (client, packet, done) => {
        const publish = packet as IncomingPublish;
        const error = client === null ? null : this.#checkPublish(client, publish);
        if (client === null || error !== null) done(error);
        else this.#options.handOn(client, publish, done);
      },
      authorizeSubscribe: (client, subscription, done) => {
        const error = this.#checkFilter(client, subscription.topic);
        if (error !== undefined) done(error);
        else done(null, this.#mayRead(client, subscription.topic) ? subscription : null);
      },
      authorizeForward: (client, packet) => (this.#mayForward(client, packet) ? packet : null),
    };
  }

  /** Whether a session may keep this subscription. */
  maySubscribe(client: Client, filter: string): boolean {
    return isTopicFilter(filter) && connectionOf(client).rights?.mayRead(filter) === true;
  }

  /** Lets the client in, or tells why not. Never rejects. */
  async #admit(
    client: Client,
    user: string | undefined,
    password: Buffer | undefined,
  ): Promise<keyof typeof returnCodes | undefined> {
    const connection = connectionOf(client);
    const refused = await this.#whyNot(client, connection, user, password);
    if (refused !== undefined) this.#count(refused === "anonymous" ? "credentials" : refused);
    return refused;
  }

  async #whyNot(
    client: Client,
    connection: Connection,
    user: string | undefined,
    password: Buffer | undefined,
  ): Promise<keyof typeof returnCodes | undefined> {
    const { limits, clients, sessions, log } = this.#options;
    if (client.id.length > limits.clientIdLength || client.id.includes("\0")) return "clientId";
    // MQTT 3.1.1 §3.1.3.1: without an id the session must be clean.
    if (connection.anonymousSession) return "clientId";
    const login = await this.#login(user, password, connection.address);
    if (!login.ok) return login.reason === "credentials" && user === undefined ? "anonymous" : login.reason;
    const owner = clients.get(client.id)?.user ?? sessions.get(client.id)?.user;
    if (owner !== undefined && owner !== login.user) {
      log.warn({ client: client.id, user: login.user }, "a client id that another user holds was refused");
      return "clientId";
    }
    if (owner === undefined && this.#isFull()) return "connections";
    connection.user = login.user;
    connection.rights = login.rights;
    return undefined;
  }

  /** Told once, until there is room again. */
  #isFull(): boolean {
    const { limits, clients, log } = this.#options;
    const full = clients.size >= limits.connections;
    if (full && !this.#fullLogged) {
      log.warn(
        { connections: limits.connections },
        "no room for further MQTT clients; see broker.limits.connections",
      );
    }
    this.#fullLogged = full;
    return full;
  }

  async #login(user: string | undefined, password: Buffer | undefined, address: string): Promise<Login> {
    try {
      return await this.#options.authenticator.login(user, password, address);
    } catch (caught) {
      this.#options.log.error({ error: caught }, "a login could not be checked");
      return { ok: false, reason: "busy" };
    }
  }

  /**
   * Nothing where the message may go on its way. One that the client has no right to is acknowledged and dropped, not
   * answered with a disconnect as MQTT 3.1.1 §3.3.5 also allows: a vehicle with one wrong topic keeps its good ones.
   */
  #checkPublish(client: Client, packet: AedesPublishPacket): Error | null {
    const { counters, limits } = this.#options;
    const connection = connectionOf(client);
    const { topic } = packet;
    counters.received += 1;
    if (!isTopicName(topic) || !isClean(topic) || Buffer.byteLength(topic) > limits.topicBytes) {
      return refusal("A topic that is malformed or too long.", "protocol");
    }
    const command = isCommandTopic(topic);
    const allowed =
      connection.rights?.mayPublish(topic) === true && (!command || topic.startsWith(this.#commands));
    // A retained command would be carried out again by whoever subscribes next.
    if (command) packet.retain = false;
    if (allowed) return null;
    counters.refusedPublishes += 1;
    this.#logRefusal(client, connection, { topic }, "publishes where it has no right to; dropped");
    divert(packet);
    return null;
  }

  #checkFilter(client: Client, filter: string): Error | undefined {
    const { limits } = this.#options;
    if (!isTopicFilter(filter) || !isClean(filter) || Buffer.byteLength(filter) > limits.topicBytes) {
      return refusal("A topic filter that is malformed or too long.", "protocol");
    }
    const held = (client as Client & { readonly subscriptions: object }).subscriptions;
    if (Object.keys(held).length < limits.subscriptionsPerClient || Object.hasOwn(held, filter))
      return undefined;
    return refusal(`More than ${limits.subscriptionsPerClient} subscriptions.`, "protocol");
  }

  #mayRead(client: Client, filter: string): boolean {
    const connection = connectionOf(client);
    if (connection.rights?.mayRead(filter) === true) return true;
    this.#options.counters.refusedSubscribes += 1;
    this.#logRefusal(client, connection, { filter }, "subscribes to what it may not read; refused");
    return false;
  }

  /** Whether the message goes out now. A client that takes nothing is disconnected rather than waited for. */
  #mayForward(client: Client, packet: AedesPublishPacket): boolean {
    const { limits, counters, log } = this.#options;
    const connection = connectionOf(client);
    if (!connection.acknowledged || connection.destroyed) return false;
    if (connection.pendingBytes > limits.pendingBytes) {
      counters.slowDisconnected += 1;
      log.warn(
        { client: client.id, pendingBytes: connection.pendingBytes },
        "too slow to keep up; disconnected",
      );
      connection.sever();
      return false;
    }
    counters.sent += 1;
    // aedes lowers the QoS of a message for a subscription with the very same topic only (MQTT 3.1.1 §3.8.4).
    if (packet.qos === 2 || (packet.qos === 1 && packet.retain)) lowerQos(client, packet);
    return true;
  }

  #logRefusal(client: Client, connection: Connection, fields: object, what: string): void {
    if (connection.refusalLogged) return;
    connection.refusalLogged = true;
    const { user, address } = connection;
    this.#options.log.warn({ client: client.id, user, address, ...fields }, `a client ${what}`);
  }

  #count(reason: Rejection): void {
    this.#options.counters.rejected[reason] += 1;
  }
}

/** What ends a connection; `reason` is the key it is counted by. */
function refusal(message: string, reason: string): GatewayError {
  return new GatewayError("PROTOCOL_VIOLATION", message, { context: { reason } });
}

/** MQTT 3.1.1 §1.5.3: bytes that are no UTF-8 must end the connection; decoding has put U+FFFD in their place. */
function isClean(text: string): boolean {
  return !text.includes("\uFFFD");
}

function lowerQos(client: Client, packet: AedesPublishPacket): void {
  const { subscriptions } = client as Client & {
    readonly subscriptions: Readonly<Record<string, { readonly qos: 0 | 1 | 2 }>>;
  };
  let most: 0 | 1 | 2 = 0;
  for (const [filter, { qos }] of Object.entries(subscriptions)) {
    if (qos > most && matchesFilter(filter, packet.topic)) most = qos;
  }
  if (most < packet.qos) packet.qos = most;
}
