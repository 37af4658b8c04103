import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";

export interface NatsLinkOptions {
  /** Shown in the server's list of connections. */
  readonly gateway: string;
  /** What the stream LATEST may take; absent where it is somebody else's to make. */
  readonly latestBytes?: number;
  /** The most that may be sent and not confirmed; beyond it messages are dropped and counted. */
  readonly inFlightLimit?: number;
  /** What it means that there is no connection, for the log. */
  readonly without?: string;
  /** And that there is one. */
  readonly with?: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

export type LinkState = "stopped" | "connecting" | "connected";

/** Why all last values should be published anew: after each connect, after drops, after LATEST was found missing. */
export type RefillReason = "connected" | "drained" | "latest-emptied";

export interface LinkCounters {
  readonly published: number;
  readonly dropped: {
    readonly disconnected: number;
    readonly backpressure: number;
    readonly oversized: number;
  };
  /** Sent, but not confirmed when the connection was lost: perhaps they never arrived. */
  readonly unconfirmed: number;
  readonly received: number;
  readonly connects: number;
  readonly inFlightBytes: number;
}
