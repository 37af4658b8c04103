import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { StateChange } from "./state-store.ts";

/** The table of the durable state; its statements are prepared once. */
export class StateTable {
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #all: StatementSync;

  constructor(database: DatabaseSync) {
    this.#put = database.prepare("INSERT OR REPLACE INTO state (scope, key, value) VALUES (?, ?, ?)");
    this.#remove = database.prepare("DELETE FROM state WHERE scope = ? AND key = ?");
    this.#all = database.prepare("SELECT scope, key, value FROM state");
  }

  all(): readonly StateChange[] {
    return this.#all.all().map((row) => ({
      scope: String(row["scope"]),
      key: String(row["key"]),
      value: String(row["value"]),
    }));
  }

  /** Each key once. In the order of the table: neighbours share its pages, and a page that leaves the cache early is written twice. */
  write(changes: Iterable<StateChange>): void {
    const ordered = [...changes].toSorted(inTableOrder);
    for (const { scope, key, value } of ordered) {
      if (value === null) this.#remove.run(scope, key);
      else this.#put.run(scope, key, value);
    }
  }
}

function inTableOrder(one: StateChange, other: StateChange): number {
  if (one.scope !== other.scope) return one.scope < other.scope ? -1 : 1;
  return one.key < other.key ? -1 : 1;
}
