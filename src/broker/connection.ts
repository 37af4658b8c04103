import type { Client } from "aedes";
import { Duplex } from "node:stream";
import type { GatewayError } from "../domain/errors.ts";
import type { Rights } from "../security/rights.ts";
import type { BrokerLimits } from "./limits.ts";
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

  constructor(options: ConnectionOptions) {
    super({ readableHighWaterMark: 65_536, writableHighWaterMark: 65_536, emitClose: true });
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
    this.#transport.on("error", (error) => this.destroy(error));
    this.#transport.on("close", () => {
      if (!this.#ended) this.destroy();
    });
  }

  /** Bytes that wait because the client does not take them. */
  get pendingBytes(): number {
    return this.writableLength + this.#transport.writableLength;
  }

  override _read(): void {
    // Data is pushed from events alone, never from here: aedes's parser is not to be entered again from within itself.
    if (this.#held === undefined) this.#transport.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#transport.destroyed || this.#transport.writableEnded) done();
    else if (this.#transport.write(chunk)) done();
    else this.#afterDrain(done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    const [first] = chunks;
    const all = chunks.length === 1 && first !== undefined ? first.chunk : joined(chunks);
    this._write(all, "binary", done);
  }

  override _final(done: () => void): void {
    done();
    this.#transport.end();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#throttle);
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
    } else if (!this.push(chunk)) this.#transport.pause();
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
      else if (this.readableLength < this.readableHighWaterMark) this.#transport.resume();
    }, throttleMs);
  }

  #afterDrain(done: () => void): void {
    const settle = () => {
      this.#transport.off("drain", settle);
      this.#transport.off("close", settle);
      done();
    };
    this.#transport.on("drain", settle);
    this.#transport.on("close", settle);
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

function joined(chunks: readonly { readonly chunk: Buffer }[]): Buffer {
  return Buffer.concat(chunks.map(({ chunk }) => chunk));
}

/** The connection that aedes was given for this client. */
export function connectionOf(client: Client): Connection {
  return client.conn as Connection;
}
