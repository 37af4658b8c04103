import type { Msg, MsgHdrs, NatsConnection } from "@nats-io/transport-node";
import { GatewayError, toGatewayError } from "../domain/errors.ts";
import { backoff } from "../supervisor/backoff.ts";
import { ask, askMessage } from "./ask.ts";
import { dial, type LinkTarget } from "./dial.ts";
import { headersOf } from "./headers.ts";
import { LatestStream } from "./latest.ts";
import type { LinkCounters, LinkState, NatsLinkOptions, RefillReason } from "./link-types.ts";
import { Refusals } from "./refusals.ts";
import { Session, type Sent } from "./session.ts";
import { Subscriptions, type NatsHandler, type SubscribeOptions } from "./subscriptions.ts";

const dialWithinMs = 5_000;
const firstWaitMs = 100;
const longestWaitMs = 5_000;
const tickMs = 1_000;
const latestEveryTicks = 30;
const farewellMs = 1_000;

/** The gateway's one connection to NATS. Live readings that can't be sent are dropped and counted, never piled up. */
export class NatsLink {
  readonly #options: NatsLinkOptions;
  readonly #abort = new AbortController();
  readonly #subscriptions: Subscriptions;
  readonly #refills = new Set<(reason: RefillReason) => void>();
  readonly #refusals: Refusals;
  readonly #latest: LatestStream | undefined;
  readonly #dropped = { disconnected: 0, backpressure: 0, oversized: 0 };
  #published = 0;
  #unconfirmed = 0;
  #connects = 0;
  #session: Session | undefined;
  #state: LinkState = "stopped";
  #wake = new AbortController();
  #lastError: string | undefined;
  #running: Promise<void> | undefined;

  constructor(options: NatsLinkOptions) {
    this.#options = options;
    this.#subscriptions = new Subscriptions(options.log);
    this.#refusals = new Refusals(options.log);
    const { latestBytes, log } = options;
    this.#latest = latestBytes === undefined ? undefined : new LatestStream(latestBytes, log);
  }

  get state(): LinkState {
    return this.#state;
  }

  /** Why there is no connection, where there is none. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Why late joiners get no snapshot; undefined while LATEST is there and fits. */
  get latestProblem(): string | undefined {
    return this.#latest?.problem;
  }

  /** Of the last confirmation, in ms. */
  get roundTripMs(): number | undefined {
    return this.#session?.roundTripMs;
  }

  get counters(): LinkCounters {
    return {
      published: this.#published,
      dropped: { ...this.#dropped },
      unconfirmed: this.#unconfirmed,
      received: this.#subscriptions.received,
      connects: this.#connects,
      inFlightBytes: this.#session?.inFlightBytes ?? 0,
    };
  }

  /** Connects in the background, and again whenever the connection is lost, until `stop`. */
  start(target: () => LinkTarget): void {
    this.#running ??= this.#run(target);
  }

  /** Tries to connect now, where it is waiting to try again: the server is known to be back. */
  connectNow(): void {
    this.#wake.abort();
  }

  /** Hot path; never throws. False where the message was dropped; the reason is counted. */
  publish(subject: string, payload: Uint8Array): boolean {
    const sent = this.#session === undefined ? "disconnected" : this.#session.publish(subject, payload);
    if (sent === "sent") {
      this.#published += 1;
      return true;
    }
    this.#dropped[sent] += 1;
    return false;
  }

  /**
   * Publishes what somebody else keeps until it is answered on `reply`; never throws. What is not sent is not counted as
   * dropped: it is tried again.
   */
  publishKept(
    subject: string,
    payload: Uint8Array,
    fields: Readonly<Record<string, string>>,
    reply?: string,
  ): Sent {
    const { header, bytes } = headersOf(fields);
    const options = { headers: header, ...(reply === undefined ? {} : { reply }) };
    const sent = this.#session?.publish(subject, payload, options, bytes) ?? "disconnected";
    if (sent === "sent") this.#published += 1;
    return sent;
  }

  /** Of the server that the link is connected to: its name and version. */
  get server(): { readonly name: string; readonly version: string } | undefined {
    const info = this.#session?.connection.info;
    return info === undefined ? undefined : { name: info.server_name, version: info.version };
  }

  /** Of the server that the link is connected to: another one after each of its restarts. */
  get serverId(): string | undefined {
    return this.#session?.connection.info?.server_id;
  }

  /** Survives reconnects. Returns the way to stop. */
  subscribe(subject: string, handler: NatsHandler, options?: SubscribeOptions): () => void {
    return this.#subscriptions.add(subject, handler, options);
  }

  /** Calls back whenever subscribers or LATEST may have missed readings; returns the way to stop. */
  onRefill(callback: (reason: RefillReason) => void): () => void {
    this.#refills.add(callback);
    return () => this.#refills.delete(callback);
  }

  /** Rejects with UPLINK_UNAVAILABLE where nobody answers in time; the context says `sent: false` where nobody got it. */
  async request(
    subject: string,
    payload: Uint8Array | string,
    timeoutMs: number,
    headers?: MsgHdrs,
  ): Promise<Uint8Array> {
    return ask(this.#connection(), subject, payload, timeoutMs, headers);
  }

  /** As `request`, with the reply's headers. */
  async requestMessage(
    subject: string,
    payload: Uint8Array | string,
    timeoutMs: number,
  ): Promise<Pick<Msg, "data" | "headers">> {
    return askMessage(this.#connection(), subject, payload, timeoutMs);
  }

  /** Resolves when the server has taken all that was published before. */
  async flush(): Promise<void> {
    const connection = this.#connection();
    // The client forgets a flush that a closed connection left open (nats-core 3.4).
    const lost = connection.closed().then(() => {
      throw new GatewayError("UPLINK_UNAVAILABLE", "The connection to nats-server was lost");
    });
    await Promise.race([connection.flush(), lost]);
  }

  /** Idempotent. What was published is given a second to go out. */
  async stop(): Promise<void> {
    const session = this.#session;
    if (session !== undefined && !this.#abort.signal.aborted) {
      const out = new AbortController();
      const patience = this.#options.clock.sleep(farewellMs, out.signal).catch(() => undefined);
      await Promise.race([session.connection.flush().catch(() => undefined), patience]);
      out.abort();
    }
    this.#abort.abort(new DOMException("The connection to NATS is being closed", "AbortError"));
    await this.#running;
    this.#state = "stopped";
  }

  #connection(): NatsConnection {
    if (this.#session !== undefined) return this.#session.connection;
    throw new GatewayError("UPLINK_UNAVAILABLE", this.#lastError ?? "There is no connection to nats-server", {
      context: { sent: false },
    });
  }

  async #run(target: () => LinkTarget): Promise<void> {
    const { gateway, clock, log, random } = this.#options;
    const signal = this.#abort.signal;
    const fresh = () => backoff({ initial: firstWaitMs, max: longestWaitMs, random });
    let waits = fresh();
    let told = false;
    this.#state = "connecting";
    while (!signal.aborted) {
      const connectsBefore = this.#connects;
      // One connection after the other: that is what this loop is for.
      const error = await this.#connectOnce(target, gateway, signal);
      this.#state = "connecting";
      this.#lastError = error;
      if (signal.aborted) return;
      if (this.#connects > connectsBefore) {
        waits = fresh();
        told = false;
      }
      const waitMs = waits.next().value;
      if (told) log.debug({ error, nextTryInMs: waitMs }, "Still no connection to NATS");
      else
        log.warn(
          { error, nextTryInMs: waitMs },
          this.#options.without ?? "No connection to NATS; readings for it are dropped and counted",
        );
      told = true;
      this.#wake = new AbortController();
      await clock.sleep(waitMs, AbortSignal.any([signal, this.#wake.signal])).catch(() => undefined);
    }
  }

  /** Connects and stays until the connection is gone; resolves with what went wrong. */
  async #connectOnce(target: () => LinkTarget, gateway: string, signal: AbortSignal): Promise<string> {
    try {
      const connection = await dial(target(), gateway, dialWithinMs, signal);
      return await this.#serve(connection, signal);
    } catch (caught) {
      return toGatewayError(caught).message;
    }
  }

  async #serve(connection: NatsConnection, stopping: AbortSignal): Promise<string> {
    const { clock, log, inFlightLimit = 8_000_000 } = this.#options;
    const session = new Session(connection, clock, inFlightLimit);
    const gone = new AbortController();
    const close = () => void connection.close();
    stopping.addEventListener("abort", close, { once: true });
    if (stopping.aborted) close();
    const closed = connection.closed().then((error) => {
      gone.abort();
      return error === undefined ? "the connection was closed" : error.message;
    });
    // Not waited for: the statuses of a connection that was closed before they were asked for never end (nats-core 3.4).
    void this.#watchStatus(connection, session);
    this.#subscriptions.attach(connection);
    await this.#latest?.look(connection);
    if (!connection.isClosed()) {
      this.#session = session;
      this.#state = "connected";
      this.#lastError = undefined;
      this.#connects += 1;
      log.info(
        { server: connection.getServer(), version: connection.info?.version },
        this.#options.with ?? "Connected to NATS",
      );
      this.#refill("connected");
    }
    const beats = this.#beat(session, gone.signal);
    const error = await closed;
    session.close();
    this.#session = undefined;
    this.#subscriptions.detach();
    stopping.removeEventListener("abort", close);
    this.#unconfirmed += session.unconfirmedMessages;
    return (await beats) ?? error;
  }

  /** Once a second, until the connection is gone; resolves with the reason where it gave the connection up itself. */
  async #beat(session: Session, gone: AbortSignal): Promise<string | undefined> {
    for (let beat = 1; !gone.aborted; beat++) {
      try {
        await this.#options.clock.sleep(tickMs, gone);
        session.tick();
        if (session.takeDrained()) this.#refill("drained");
        if (beat % latestEveryTicks === 0 && (await this.#latest?.look(session.connection)) === true) {
          this.#refill("latest-emptied");
        }
      } catch (caught) {
        if (gone.aborted) return undefined;
        session.close();
        void session.connection.close();
        return toGatewayError(caught).message;
      }
    }
    return undefined;
  }

  async #watchStatus(connection: NatsConnection, session: Session): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === "disconnect" || status.type === "close") session.close();
      if (status.type === "error") this.#refusals.tell(status.error);
    }
  }

  #refill(reason: RefillReason): void {
    for (const callback of this.#refills) callback(reason);
  }
}
