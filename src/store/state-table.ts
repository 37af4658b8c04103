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

  write(changes: Iterable<StateChange>): void {
    for (const { scope, key, value } of changes) {
      if (value === null) this.#remove.run(scope, key);
      else this.#put.run(scope, key, value);
    }
  }
}
