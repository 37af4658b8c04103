import type { Client } from "aedes";
import { Duplex } from "node:stream";
import { GatewayError } from "../domain/errors.ts";
import type { Rights } from "../security/rights.ts";
import type { BrokerLimits } from "./limits.ts";
import { OutgoingPages } from "./outgoing-pages.ts";
import { PacketScanner } from "./packet-scanner.ts";
import { TokenBucket } from "./token-bucket.ts";

/** The socket under a connection, whatever it is: TCP, TLS, or a WebSocket's stream. */
export interface Transport extends Duplex {
  /** TCP and TLS: ends the connection once all is written. */
  destroySoon?(): void;
}

export interface ConnectionOptions {
  readonly transport: Transport;
  /** Of the peer. */
  readonly address: string;
  readonly limits: BrokerLimits;
  /** Monotonic ms. */
  monotonic(): number;
  /** The client sends more than its rate and is made to wait. */
  onThrottled(): void;
}

/** Control packets that cost the gateway work: PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGREQ. */
const metered: ReadonlySet<number> = new Set([3, 8, 10, 12]);
/** How long a client over its rate waits before its next packets are taken; several at a time. */
const throttleMs = 20;
/** What was written to a connection that is being closed has this long to get out. */
const lingerMs = 1_000;

/**
 * One client's connection as aedes sees it. What comes in is measured before anything keeps it: a packet that is too
 * large or out of place ends the connection on its header, a client over its rate is simply not read for a while, so
 * that TCP holds it back and no QoS 0 message is lost.
 */
export class Connection extends Duplex {
  readonly address: string;
  /** Set by the login. */
  user = "";
  rights: Rights | undefined;
  /** Set once the CONNACK is out; nothing may go before it (MQTT-3.2.0-1). */
  acknowledged = false;
  /** A refusal is logged once for each connection. */
  refusalLogged = false;
  /** What ended it is counted once, however many of its packets fail with it. */
  failed = false;
  /** The CONNECT had no client id and asked for a session: nobody could ever come back to it. */
  anonymousSession = false;
  readonly #transport: Transport;
  readonly #options: ConnectionOptions;
  readonly #scanner: PacketScanner;
  readonly #bucket: TokenBucket;
  /** What came in and is not taken yet because of the rate. */
  #held: Buffer | undefined;
  #throttle: NodeJS.Timeout | undefined;
  #ended = false;
  /** Bytes of messages that were taken and not answered yet. */
  #unanswered = 0;
  /** What waits until the transport takes more. */
  readonly #outgoing = new OutgoingPages();
  /** Runs while the transport takes nothing. */
  #stuck: NodeJS.Timeout | undefined;

  constructor(options: ConnectionOptions) {
    // aedes keeps a closure for each packet that it is to wait with: it is never told to, the bounds are kept here.
    super({
      readableHighWaterMark: 65_536,
      writableHighWaterMark: Number.MAX_SAFE_INTEGER,
      emitClose: true,
    });
    this.address = options.address;
    this.#options = options;
    this.#transport = options.transport;
    this.#scanner = new PacketScanner(options.limits);
    this.#bucket = new TokenBucket(options.limits.packetsPerSecond, options.monotonic());
  }

  /** Begins to read. */
  open(): void {
    this.#transport.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#transport.on("end", () => {
      this.#ended = true;
      if (this.#held === undefined) this.push(null);
    });
    this.#transport.on("drain", () => this.#drain());
    this.#transport.on("error", (error) => this.destroy(error));
    this.#transport.on("close", () => {
      if (!this.#ended) this.destroy();
    });
  }

  /** Bytes that wait because the client does not take them. */
  get pendingBytes(): number {
    return this.writableLength + this.#outgoing.bytes + this.#transport.writableLength;
  }

  /** A message of the client's waits for its answer. Where many do, the client is not read: TCP holds it back. */
  hold(bytes: number): void {
    this.#unanswered += bytes;
    if (this.#isBehind()) this.#transport.pause();
  }

  /** It waits no longer. */
  release(bytes: number): void {
    this.#unanswered -= bytes;
    this.#readOn();
  }

  override _read(): void {
    // Data is pushed from events alone, never from here: aedes's parser is not to be entered again from within itself.
    if (this.#held === undefined && !this.#isBehind()) this.#transport.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk]);
    done();
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(chunks.map(({ chunk }) => chunk));
    done();
  }

  override _final(done: () => void): void {
    done();
    for (let page = this.#outgoing.take(); page !== undefined; page = this.#outgoing.take()) {
      this.#transport.write(page);
    }
    this.#transport.end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#throttle);
    clearTimeout(this.#stuck);
    this.#outgoing.clear();
    this.#held = undefined;
    this.#close();
    done(error);
  }

  /** Sends the client away without waiting for anything. */
  sever(error?: GatewayError): void {
    this.#transport.destroy();
    this.destroy(error);
  }

  #take(chunk: Buffer): void {
    if (this.destroyed) return;
    let taken: number;
    try {
      taken = this.#scanner.scan(chunk, 0, (type) => !metered.has(type) || this.#hasToken());
    } catch (caught) {
      this.destroy(caught as GatewayError);
      return;
    }
    if (taken < chunk.length) {
      this.#hold(chunk.subarray(taken));
      if (taken > 0) this.push(chunk.subarray(0, taken));
    } else if (!this.push(chunk) || this.#isBehind()) this.#transport.pause();
  }

  #hasToken(): boolean {
    return this.#bucket.take(this.#options.monotonic());
  }

  #hold(rest: Buffer): void {
    if (this.#throttle === undefined) this.#options.onThrottled();
    this.#held = rest;
    this.#transport.pause();
    this.#throttle = setTimeout(() => {
      const held = this.#held;
      this.#held = undefined;
      if (held !== undefined) this.#take(held);
      if (this.#held !== undefined) return;
      this.#throttle = undefined;
      if (this.#ended) this.push(null);
      else this.#readOn();
    }, throttleMs);
  }

  /** A client that does not take the answers, or waits for many, is not asked for more. */
  #isBehind(): boolean {
    const { pendingBytes, unansweredBytes } = this.#options.limits;
    return this.pendingBytes > pendingBytes || this.#unanswered > unansweredBytes;
  }

  #readOn(): void {
    if (this.#held !== undefined || this.#isBehind()) return;
    if (this.readableLength < this.readableHighWaterMark) this.#transport.resume();
  }

  #send(chunks: readonly Buffer[]): void {
    const transport = this.#transport;
    if (this.destroyed || transport.destroyed || transport.writableEnded) return;
    if (this.#stuck !== undefined) for (const chunk of chunks) this.#outgoing.append(chunk);
    else if (!transport.write(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks))) this.#wait();
  }

  #wait(): void {
    this.#stuck = setTimeout(() => {
      const context = { reason: "slow" };
      this.sever(new GatewayError("PROTOCOL_VIOLATION", "The client takes nothing.", { context }));
    }, this.#options.limits.drainTimeoutMs);
  }

  #drain(): void {
    clearTimeout(this.#stuck);
    this.#stuck = undefined;
    if (this.destroyed || this.#transport.writableEnded) return;
    for (let page = this.#outgoing.take(); page !== undefined; page = this.#outgoing.take()) {
      if (this.#transport.write(page)) continue;
      this.#wait();
      break;
    }
    this.#readOn();
  }

  /** A refusal is to reach the client: what is written still goes out, but nobody waits long for it. */
  #close(): void {
    const transport = this.#transport;
    if (transport.destroyed) return;
    if (transport.writableLength === 0 && transport.destroySoon !== undefined) {
      transport.destroySoon();
      return;
    }
    transport.resume();
    if (transport.destroySoon === undefined) transport.end();
    else transport.destroySoon();
    const linger = setTimeout(() => transport.destroy(), lingerMs);
    transport.once("close", () => clearTimeout(linger));
  }
}

/** The connection that aedes was given for this client. */
export function connectionOf(client: Client): Connection {
  return client.conn as Connection;
}
