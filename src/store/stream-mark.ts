import type { StreamName } from "./outbox-row.ts";
import type { StateChange } from "./state-store.ts";

/** In the state store: a key a stream. */
export const outboxScope = "outbox";

/** In the same scope: the first number of the epoch, where it is not 1. */
export const beginKey = "first";

/** 1 where the state does not say. */
export function readBegin(json: string | undefined): number {
  return Math.max(1, Number(json ?? 1) || 1);
}

/** What the hub can have of a stream that it sources. */
export interface HubSide {
  /** Which nats-server that was noted with: with another one the hub has to ask anew. */
  readonly server: string;
  /** The stream's last place when the first nats-server began to which the hub has not come yet, or the present one. */
  readonly from: number;
  /** Up to where the outbox fills the stream up from there: what the hub may have had before a power cut. */
  readonly upTo: number;
  /** Whether the hub has asked for messages since. */
  readonly isSeen: boolean;
}

/** On the way into another incarnation, which takes over what the hub can't have. */
export interface Move {
  /** Which incarnation. */
  readonly to: number;
  /** It holds all that comes after this place of the old one. */
  readonly after: number;
}

/** What is known for sure of a stream of the local JetStream, over restarts of everybody. */
export interface StreamMark {
  /** 1 for the stream's own name, from 2 on `<name>_<incarnation>`. */
  readonly incarnation: number;
  /** When the server made it, in the server's words: a stream made anew is another one. */
  readonly created: string;
  /** The last place in it that was acknowledged; what stands after it may be ours, too. */
  readonly acked: number;
  /** The last place of what is not in the outbox any more. */
  readonly deleted: number;
  /** The last place of a message that was promised to a device; absent: none is known of. */
  readonly promised?: number;
  /** Only where a hub sources the stream. */
  readonly hub?: HubSide | undefined;
  readonly move?: Move | undefined;
}

export function markChange(stream: StreamName, mark: StreamMark): StateChange {
  return { scope: outboxScope, key: stream, value: JSON.stringify(mark) };
}

export function readMark(json: string | undefined): StreamMark | undefined {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as StreamMark;
  } catch {
    return undefined;
  }
}
