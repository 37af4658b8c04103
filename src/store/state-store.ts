/** One value of the durable state; null removes it. Values are JSON texts. */
export interface StateChange {
  readonly scope: string;
  readonly key: string;
  readonly value: string | null;
}

/** `stored`: on disk, power-safe. `kept`: the disk refuses; it is kept in memory and tried again until it is stored. */
export type Stored = "stored" | "kept";

/** A message that must reach a stream of the local JetStream once. */
export interface OutgoingMessage {
  readonly stream: "EVENTS" | "BATCHES";
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Its globally unique `Nats-Msg-Id`; absent: the outbox makes one, `<gateway>:<epoch>-<run>:<n>`. */
  readonly id?: string;
  /** The payload as it goes out right after the commit, where that tells more than is known before, such as a latency. */
  readonly live?: () => string;
  /**
   * Its sender is told once it is on disk, and sends it again otherwise: while the disk refuses, it is neither sent nor does it
   * give way. An event of that kind was promised to its sender then: it never gives way at all.
   */
  readonly whenStored?: true;
}

export interface StateStore {
  /** All of a scope, such as `alerts`, in key order. */
  read(scope: string): ReadonlyMap<string, string>;
  /** All changes and messages of one call in one transaction, together with those of other calls meanwhile. Never rejects. */
  change(changes: readonly StateChange[], messages?: readonly OutgoingMessage[]): Promise<Stored>;
  /**
   * Changes that nobody waits for, such as what became of something that was decided: a kill may lose those of the same turn of
   * the event loop, a power cut those of the last second. They wear the flash less.
   */
  note(changes: readonly StateChange[]): void;
}
