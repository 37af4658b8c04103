import { Aedes, type AedesPublishPacket, type Client } from "aedes";
import type { Clock } from "../adapter-kit/clock.ts";
import type { BrokerMessage, LocalBroker } from "../adapter-kit/local-broker.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { BrokerConfig } from "../config/gateway-schema.ts";
import type { PartHealth } from "../observability/health.ts";
import type { Authenticator } from "../security/authenticator.ts";
import { Answers, type PublishesForClients } from "./answers.ts";
import { ClientPolicy } from "./client-policy.ts";
import { ClientRegistry } from "./client-registry.ts";
import { Connection, connectionOf, type Transport } from "./connection.ts";
import { noTraffic, type BrokerCounters } from "./counters.ts";
import { Holds, type Until } from "./holds.ts";
import { Journal, type JournalStore } from "./journal.ts";
import { brokerLimits, type BrokerLimits } from "./limits.ts";
import { Listeners, type BrokerAddresses } from "./listeners.ts";
import { Persistence } from "./persistence.ts";
import { rejectionOf } from "./rejection.ts";
import { restore } from "./restore.ts";
import { RetainedStore, type LastValueSource } from "./retained-store.ts";
import { SessionStore } from "./session-store.ts";
import { TopicEmitter } from "./topic-emitter.ts";

export type { BrokerAddresses } from "./listeners.ts";

export interface BrokerDeps {
  /** Relative paths of the configuration start here. */
  readonly siteDir: string;
  /** The gateway's path, such as `plant1/line1`: clients send commands below `cmd/<site>/` alone. */
  readonly site: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly authenticator: Authenticator;
  /** The last readings: what a late subscriber to `data/…` gets first. */
  readonly lastValues: LastValueSource;
  /** Where sessions and retained messages survive a restart. */
  readonly store: JournalStore;
  /** Bounds that differ from `brokerLimits`. */
  readonly limits?: Partial<BrokerLimits>;
}

/** Where the health check publishes: nobody else may publish or subscribe there. */
const healthTopic = "$linegate/health";

/** Retained messages at QoS 0 are written to disk at most this often. */
const coalesceMs = 1_000;

function ignore(): void {}

/** The MQTT broker inside the gateway: MQTT 3.1 and 3.1.1 over TCP, TLS and WebSocket, and for the gateway's own parts. */
export class Broker implements LocalBroker {
  readonly counters: BrokerCounters = noTraffic();
  readonly #deps: BrokerDeps;
  readonly #limits: BrokerLimits;
  readonly #holds = new Holds();
  readonly #journal: Journal;
  readonly #emitter: TopicEmitter;
  readonly #retained: RetainedStore;
  readonly #sessions: SessionStore;
  readonly #clients = new ClientRegistry();
  readonly #aedes: Aedes;
  readonly #listeners: Listeners;
  /** Connections that have not logged in yet, oldest first. */
  readonly #waiting = new Set<Connection>();
  #addresses: BrokerAddresses;
  #stopped: Promise<void> | undefined;
  #listening: Promise<void> | undefined;
  #running = false;
  /** Health checks that came through. */
  #heard = 0;

  constructor(config: BrokerConfig, deps: BrokerDeps) {
    this.#deps = deps;
    const limits = { ...brokerLimits(config), ...deps.limits };
    const { log, authenticator, clock, store } = deps;
    const { counters } = this;
    this.#limits = limits;
    const holds = this.#holds;
    const journal = new Journal({ store, clock, coalesceMs, counters });
    this.#journal = journal;
    this.#emitter = new TopicEmitter(holds, (caught, topic) => this.#subscriberFailed(caught, topic));
    this.#retained = new RetainedStore(deps.lastValues, limits, counters, journal);
    this.#sessions = new SessionStore(limits, counters, clock, journal);
    const clients = this.#clients;
    const sessions = this.#sessions;
    const persistence = new Persistence({
      retained: this.#retained,
      sessions,
      limits,
      journal,
      holds,
      maySubscribe: (client, filter) => policy.maySubscribe(client, filter),
    });
    const answers = new Answers({
      counters,
      publish: (packet, client, done) =>
        (this.#aedes as unknown as PublishesForClients).publish(packet, client, done),
      inbound: persistence,
    });
    const policy = new ClientPolicy({
      site: deps.site,
      limits,
      counters,
      log,
      authenticator,
      clients,
      sessions,
      handOn: (client, packet, done) => answers.handOn(client, packet, done),
    });
    this.#aedes = new Aedes({
      mq: this.#emitter,
      persistence,
      connectTimeout: limits.connectTimeoutMs,
      // A connection never tells aedes to wait, and ends by itself where it takes nothing; this is for what would all the same.
      drainTimeout: limits.drainTimeoutMs,
      maxClientsIdLength: limits.clientIdLength,
      maxTopicLevels: limits.topicLevels,
      maxInflightInbound: limits.inflightInbound,
      // Packets of one read that may come before the CONNACK: clients need not wait for it (MQTT 3.1.1 §3.1.4).
      queueLimit: 2_000,
      ...policy.hooks,
    });
    this.#addresses = { mqtt: config.listen };
    this.#listeners = new Listeners(config, {
      siteDir: deps.siteDir,
      counters,
      mostSockets: limits.connections + limits.waitingConnections,
      handshakeTimeoutMs: limits.connectTimeoutMs,
      messageBytes: limits.packetBytes + 65_536,
      open: authenticator.open,
      accept: (transport, address) => this.#accept(transport, address),
    });
  }

  /** Where clients can connect, with the real ports once started. */
  get addresses(): BrokerAddresses {
    return this.#addresses;
  }

  /** Takes over what the state store, which is open by now, kept; parts of the gateway may publish from here on. Idempotent. */
  open(): Promise<void> {
    this.#listening ??= this.#open();
    return this.#listening;
  }

  /** Opens the listeners. Rejects with CONFIG_INVALID where one can't be opened; quietly opens none once stopped. */
  async start(): Promise<void> {
    await this.open();
    try {
      this.#addresses = await this.#listeners.open();
    } catch (caught) {
      if (this.#stopped !== undefined) return;
      await this.stop();
      throw caught;
    }
    this.#running = this.#stopped === undefined;
  }

  /** Disconnects everybody and closes the listeners. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** The hot path: hands the message to all subscribers at once. Never throws. */
  publish(
    topic: string,
    payload: Buffer | string,
    { retain = false, qos = 0 }: { readonly retain?: boolean; readonly qos?: 0 | 1 } = {},
  ): void {
    this.counters.published += 1;
    // Nobody listens, and nothing is to be kept: most readings of most sites go this way.
    if (!retain && qos === 0 && !this.#emitter.isHeard(topic)) return;
    try {
      this.#aedes.publish({ cmd: "publish", topic, payload, retain, qos, dup: false }, ignore);
    } catch (caught) {
      this.#subscriberFailed(caught, topic);
    }
  }

  /** Forgets the retained message of a topic, as when its device is gone from the mappings. */
  clearRetained(topic: string): void {
    this.#retained.clear(topic);
  }

  /**
   * Retained messages come first, before this returns. What a handler throws is logged and goes no further. A handler that calls
   * `hold` before it returns has the client get no PUBACK or PUBREC before that promise is true; where it is false the
   * connection ends without, so that the client keeps the message.
   */
  subscribe(
    filter: string,
    onMessage: (message: BrokerMessage, hold: (until: Until) => void) => void,
  ): () => void {
    const take = (packet: Pick<AedesPublishPacket, "topic" | "payload" | "qos">, retain: boolean): void => {
      const { topic, payload, qos } = packet;
      const { clientId } = packet as { readonly clientId?: string };
      const bytes = typeof payload === "string" ? Buffer.from(payload) : payload;
      try {
        onMessage({ topic, payload: bytes, qos, retain, clientId }, (until) =>
          this.#holds.add(packet, until),
        );
      } catch (caught) {
        this.#subscriberFailed(caught, topic);
      }
    };
    for (const message of this.#retained.matching(filter)) take(message, true);
    // MQTT 3.1.1 §3.3.1.3: to a subscription that stands, a message comes without RETAIN, whoever sent it how.
    const notify = (packet: AedesPublishPacket) => take(packet, false);
    this.#emitter.on(filter, notify);
    return () => this.#emitter.removeListener(filter, notify);
  }

  /** The user that a client logged in as; undefined where it is not connected. */
  userOf(clientId: string): string | undefined {
    const user = this.#clients.get(clientId)?.user;
    return user === "" ? undefined : user;
  }

  onClient(onChange: (clientId: string, connected: boolean) => void): () => void {
    return this.#clients.onChange((clientId, connected) => {
      try {
        onChange(clientId, connected);
      } catch (caught) {
        this.#subscriberFailed(caught, "client");
      }
    });
  }

  /** Judged by a message that really went from a publisher to a subscriber inside. */
  health(): PartHealth {
    if (!this.#running) return { ok: false, detail: "not started" };
    const before = this.#heard;
    this.#aedes.publish(
      { cmd: "publish", topic: healthTopic, payload: "", qos: 0, retain: false, dup: false },
      ignore,
    );
    return this.#heard > before
      ? { ok: true }
      : { ok: false, detail: "a message published inside the broker did not arrive" };
  }

  async #stop(): Promise<void> {
    this.#running = false;
    // aedes sets its timers at the end of its start, closed or not.
    await this.#listening;
    const closed = Promise.withResolvers<void>();
    this.#aedes.close(() => closed.resolve());
    const listeners = this.#listeners.close();
    for (const connection of this.#waiting) connection.sever();
    await Promise.all([closed.promise, listeners]);
    this.#journal.stop();
  }

  async #open(): Promise<void> {
    this.#watch();
    // Numbers of messages tell their order: those that come now come after those that were kept.
    const numbering = this.#aedes as unknown as { counter: number };
    const last = restore(this.#journal, this.#sessions, this.#retained, this.counters);
    numbering.counter = Math.max(last, numbering.counter);
    await this.#aedes.listen();
  }

  #accept(transport: Transport, address: string): void {
    const { clock } = this.#deps;
    const connection = new Connection({
      transport,
      address,
      limits: this.#limits,
      monotonic: () => clock.monotonic(),
      onThrottled: () => (this.counters.throttled += 1),
    });
    this.counters.connectionsTotal += 1;
    this.#waiting.add(connection);
    connection.once("close", () => this.#waiting.delete(connection));
    this.#aedes.handle(connection);
    connection.open();
    if (this.#waiting.size <= this.#limits.waitingConnections) return;
    // A flood of connections that say nothing must not keep out those that do.
    const [oldest] = this.#waiting;
    this.counters.rejected.connections += 1;
    oldest?.sever();
  }

  #watch(): void {
    const { log } = this.#deps;
    this.#aedes.on("client", (client) => {
      if (!client.clean) this.#resume(client);
      this.#clients.add(client);
      this.counters.clients = this.#clients.size;
    });
    this.#aedes.on("clientDisconnect", (client) => {
      if (this.#clients.remove(client)) this.#sessions.leave(client.id);
      this.counters.clients = this.#clients.size;
    });
    this.#emitter.on(healthTopic, () => (this.#heard += 1));
    this.#aedes.on("connackSent", (packet, client) => {
      if (packet.returnCode !== 0) return;
      const connection = connectionOf(client);
      connection.acknowledged = true;
      this.#waiting.delete(connection);
    });
    const onError = (client: Client, error: Error) => this.#connectionFailed(client, error);
    this.#aedes.on("clientError", onError);
    this.#aedes.on("connectionError", onError);
    // aedes's own `error`: without a listener it would end the process.
    this.#aedes.on("error" as "closed", (...caught: unknown[]) => {
      log.error({ error: caught[0] }, "the broker failed inside");
    });
  }

  #resume(client: Client): void {
    const connection = connectionOf(client);
    const session = this.#sessions.open(client.id, connection.user);
    this.#sessions.restrict(session, (filter) => connection.rights?.mayRead(filter) === true);
    // aedes begins anywhere: an identifier that is under way would be given twice.
    const next = session.nextIdentifier;
    if (next !== undefined) (client as unknown as { _nextId: number })._nextId = next;
  }

  #connectionFailed(client: Client, error: Error): void {
    const connection = connectionOf(client);
    if (connection.failed) return;
    connection.failed = true;
    const reason = rejectionOf(error);
    if (reason === "slow") this.counters.slowDisconnected += 1;
    else if (reason !== undefined) this.counters.rejected[reason] += 1;
    this.#deps.log.debug(
      { client: client.id, address: connection.address, reason: error.message },
      "a client's connection ended",
    );
  }

  #subscriberFailed(caught: unknown, topic: string): void {
    this.counters.subscriberErrors += 1;
    this.#deps.log.error({ error: caught, topic }, "a subscriber inside the gateway failed");
  }
}
