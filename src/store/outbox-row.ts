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
  /** Unix ms. */
  readonly queuedAt: number;
  /** What it counts against the outbox's limit. */
  readonly bytes: number;
}

/** A message that the stream has. */
export interface Ack {
  readonly n: number;
  readonly bytes: number;
  /** Its place in the stream. */
  readonly seq: number;
}

/** What the outbox holds of one stream. */
export interface Backlog {
  readonly rows: number;
  readonly bytes: number;
}

export interface OutboxLimits {
  readonly maxBytes: number;
  /** What gives way where it is full: the oldest messages, or the newest. */
  readonly whenFull: "oldest" | "newest";
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
