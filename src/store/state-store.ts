/** One value of the durable state; null removes it. Values are JSON texts. */
export interface StateChange {
  readonly scope: string;
  readonly key: string;
  readonly value: string | null;
}

/** `stored`: on disk, power-safe. `kept`: the disk refuses; it is kept in memory and tried again until it is stored. */
export type Stored = "stored" | "kept";

export interface StateStore {
  /** All of a scope, such as `alerts`, in key order. */
  read(scope: string): ReadonlyMap<string, string>;
  /**
   * All changes of one call in one transaction, together with those of other calls of the same turn of the event loop.
   * Never rejects.
   */
  change(changes: readonly StateChange[]): Promise<Stored>;
}
