import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Log } from "../adapter-kit/log.ts";
import type { StateChange, StateStore, Stored } from "./state-store.ts";

/** In the site's data folder. */
export const stateFile = "linegate.db";

const retryMs = 5_000;
/** Nobody else writes to the file; whoever does all the same holds the gateway up for this long at most. */
const busyMs = 50;

interface Waiting {
  readonly changes: readonly StateChange[];
  readonly done: (stored: Stored) => void;
}

/**
 * The durable state in one SQLite file: write-ahead log, every commit synced (`synchronous=FULL`), the changes of one turn
 * of the event loop in one transaction. What the disk refuses is kept in memory and tried again.
 */
export class SqliteStateStore implements StateStore {
  readonly #dir: string;
  readonly #log: Log;
  readonly #state = new Map<string, Map<string, string>>();
  #database: DatabaseSync | undefined;
  #waiting: Waiting[] = [];
  /** The last change of each key that the disk has refused so far. */
  #unstored = new Map<string, StateChange>();
  #retry: NodeJS.Timeout | undefined;

  constructor(dir: string, log: Log) {
    this.#dir = dir;
    this.#log = log;
  }

  /** Reads the state. Where the file can't be opened, the gateway goes on without what it held, and says so. */
  open(): void {
    try {
      mkdirSync(this.#dir, { recursive: true });
      const database = new DatabaseSync(join(this.#dir, stateFile), { timeout: busyMs });
      database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE IF NOT EXISTS state (scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID",
      );
      for (const row of database.prepare("SELECT scope, key, value FROM state").all())
        this.#set({ scope: String(row["scope"]), key: String(row["key"]), value: String(row["value"]) });
      this.#database = database;
    } catch (caught) {
      this.#log.error(
        { dir: this.#dir, error: String(caught) },
        "The durable state can't be opened; nothing survives a restart",
      );
    }
  }

  read(scope: string): ReadonlyMap<string, string> {
    return new Map([...(this.#state.get(scope) ?? [])].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }

  change(changes: readonly StateChange[]): Promise<Stored> {
    for (const change of changes) this.#set(change);
    return new Promise((done) => {
      this.#waiting.push({ changes, done });
      if (this.#waiting.length === 1) setImmediate(() => this.#commit());
    });
  }

  /** What still waits is committed first. Idempotent. */
  close(): void {
    this.#commit();
    clearTimeout(this.#retry);
    this.#database?.close();
    this.#database = undefined;
  }

  #set({ scope, key, value }: StateChange): void {
    const entries = this.#state.get(scope) ?? new Map<string, string>();
    this.#state.set(scope, entries);
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }

  #commit(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { changes } of waiting)
      for (const change of changes) this.#unstored.set(JSON.stringify([change.scope, change.key]), change);
    if (this.#unstored.size === 0) return;
    const stored = this.#write([...this.#unstored.values()]);
    if (stored === "stored") this.#unstored = new Map();
    for (const { done } of waiting) done(stored);
  }

  #write(changes: readonly StateChange[]): Stored {
    const database = this.#database;
    if (database === undefined) return "kept";
    try {
      database.exec("BEGIN IMMEDIATE");
      const put = database.prepare("INSERT OR REPLACE INTO state (scope, key, value) VALUES (?, ?, ?)");
      const remove = database.prepare("DELETE FROM state WHERE scope = ? AND key = ?");
      for (const { scope, key, value } of changes) {
        if (value === null) remove.run(scope, key);
        else put.run(scope, key, value);
      }
      database.exec("COMMIT");
      clearTimeout(this.#retry);
      this.#retry = undefined;
      return "stored";
    } catch (caught) {
      if (database.isTransaction) database.exec("ROLLBACK");
      if (this.#retry === undefined)
        this.#log.error(
          { error: String(caught), nextTryInMs: retryMs },
          "The durable state can't be written; check the disk",
        );
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#commit(), retryMs);
      return "kept";
    }
  }
}
