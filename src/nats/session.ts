import type { NatsConnection, PublishOptions } from "@nats-io/transport-node";
import type { Clock } from "../adapter-kit/clock.ts";
import { GatewayError } from "../domain/errors.ts";

/** What a message costs beside its subject and payload: `PUB … <length>\r\n…\r\n`. */
const framing = 16;
/** So much sent without a confirmation asks for one at once, beside the one each tick. */
const confirmEveryBytes = 262_144;
/** Ticks without an answer after which the server counts as gone. Ticks and not time: time jumps where we are stopped. */
const patienceTicks = 10;

/** What became of a message: on its way, or dropped, and why. */
export type Sent = "sent" | "backpressure" | "oversized" | "disconnected";

/**
 * One connection while it lasts, and what is known of it: how much was sent and how much of that the server has surely
 * taken. The client buffers without bound where a server does not drain its socket; here it ends at a limit.
 */
export class Session {
  readonly connection: NatsConnection;
  readonly #clock: Clock;
  readonly #limit: number;
  #open = true;
  #sentBytes = 0;
  #sentMessages = 0;
  #confirmedBytes = 0;
  #confirmedMessages = 0;
  #confirmedAt: number;
  #roundTripMs: number | undefined;
  #confirming = false;
  #idleTicks = 0;
  #overflowed = false;

  constructor(connection: NatsConnection, clock: Clock, limit: number) {
    this.connection = connection;
    this.#clock = clock;
    this.#limit = limit;
    this.#confirmedAt = clock.monotonic();
  }

  get inFlightBytes(): number {
    return this.#sentBytes - this.#confirmedBytes;
  }

  get unconfirmedMessages(): number {
    return this.#sentMessages - this.#confirmedMessages;
  }

  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Since the server last answered, in ms. */
  get silentMs(): number {
    return this.#clock.monotonic() - this.#confirmedAt;
  }

  /** `headerBytes` is what the headers in `options` take. */
  publish(subject: string, payload: Uint8Array, options?: PublishOptions, headerBytes = 0): Sent {
    if (!this.#open) return "disconnected";
    const bytes = subject.length + payload.length + framing + headerBytes;
    if (this.#sentBytes - this.#confirmedBytes + bytes > this.#limit) {
      this.#overflowed = true;
      this.confirm();
      return "backpressure";
    }
    try {
      this.connection.publish(subject, payload, options);
    } catch {
      return this.connection.isClosed() ? "disconnected" : "oversized";
    }
    this.#sentBytes += bytes;
    this.#sentMessages += 1;
    if (!this.#confirming && this.#sentBytes - this.#confirmedBytes >= confirmEveryBytes) this.confirm();
    return "sent";
  }

  /** Asks the server whether it has taken all that was sent so far; one question at a time. */
  confirm(): void {
    if (this.#confirming || !this.#open) return;
    this.#confirming = true;
    const [bytes, messages, askedAt] = [this.#sentBytes, this.#sentMessages, this.#clock.monotonic()];
    this.connection.flush().then(
      () => {
        this.#confirming = false;
        this.#idleTicks = 0;
        this.#confirmedBytes = bytes;
        this.#confirmedMessages = messages;
        this.#confirmedAt = this.#clock.monotonic();
        this.#roundTripMs = this.#confirmedAt - askedAt;
        if (this.inFlightBytes >= confirmEveryBytes) this.confirm();
      },
      () => {
        this.#confirming = false;
      },
    );
  }

  /** Once a second. Rejects nothing, throws UPLINK_UNAVAILABLE where the server has been silent for too long. */
  tick(): void {
    this.#idleTicks += 1;
    if (this.#idleTicks > patienceTicks) {
      throw new GatewayError(
        "UPLINK_UNAVAILABLE",
        `nats-server has not answered for ${Math.round(this.silentMs / 1_000)} s`,
      );
    }
    this.confirm();
  }

  /** True once after messages were dropped by back-pressure, when there is room again. */
  takeDrained(): boolean {
    if (!this.#overflowed || this.inFlightBytes > this.#limit / 2) return false;
    this.#overflowed = false;
    return true;
  }

  /** From now on everything is refused. */
  close(): void {
    this.#open = false;
  }
}
