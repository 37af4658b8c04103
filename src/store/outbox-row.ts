import type { OutgoingMessage } from "./state-store.ts";

export type StreamName = OutgoingMessage["stream"];

/** The more urgent first. */
export const streamNames: readonly StreamName[] = ["EVENTS", "BATCHES"];

/** A message that waits in the outbox, or for its ack to be power-safe. */
export interface OutboxRow {
  /** Grows with each message of the gateway. */
  readonly n: number;
  readonly stream: StreamName;
  readonly subject: string;
  /** Its `Nats-Msg-Id`. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
  /** As OutgoingMessage has it; gone after a restart. */
  readonly live?: OutgoingMessage["live"];
  /** As OutgoingMessage has it, likewise. */
  readonly whenStored?: OutgoingMessage["whenStored"];
  /** A device forgot it when it got its PUBACK: it never gives way. */
  readonly isPromised: boolean;
  /** Unix ms. */
  readonly queuedAt: number;
  /** What it counts against the outbox's limit. */
  readonly bytes: number;
}

/** A message that the stream has. */
export interface Ack {
  readonly n: number;
  readonly bytes: number;
  /** As the row has it. */
  readonly isPromised: boolean;
  /** Its place in the stream. */
  readonly seq: number;
}

/** What the outbox holds of one stream. */
export interface Backlog {
  readonly rows: number;
  readonly bytes: number;
}

/** The same of what is kept after its ack, and how many of those bytes never give way. */
export interface KeptBacklog extends Backlog {
  readonly promisedBytes: number;
}

/** What gives way where there is no room: what has waited longest, or what comes; `thin`: the oldest, after coarser windows. */
export type FullPolicy = "oldest" | "newest" | "thin";

export interface OutboxLimits {
  readonly maxBytes: number;
  /** For each stream that does not say otherwise. */
  readonly whenFull: "oldest" | "newest";
  readonly events?: { readonly whenFull?: FullPolicy | undefined } | undefined;
  readonly batches?: { readonly whenFull?: FullPolicy | undefined } | undefined;
}

export function policyOf(limits: OutboxLimits, stream: StreamName): FullPolicy {
  const own = stream === "EVENTS" ? limits.events : limits.batches;
  return own?.whenFull ?? limits.whenFull;
}

/** What SQLite adds to a row, about. */
const rowOverhead = 64;

export function rowBytes(row: Pick<OutboxRow, "subject" | "id" | "headers" | "payload">): number {
  const headers = Object.entries(row.headers).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    0,
  );
  return row.payload.length + row.subject.length + row.id.length + headers + rowOverhead;
}
