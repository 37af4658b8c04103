import { randomUUID } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { onTestFinished } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { SqliteStateStore, stateFile, type StateStoreOptions } from "./sqlite-state-store.ts";
import type { StateChange, StateStore } from "./state-store.ts";

/** The state store in memory, for tests; `kept` says what a restart would find. */
export function memoryStore(kept = new Map<string, Map<string, string>>()): StateStore & {
  readonly kept: ReadonlyMap<string, ReadonlyMap<string, string>>;
} {
  const note = (changes: readonly StateChange[]) => {
    for (const { scope, key, value } of changes) {
      const entries = kept.get(scope) ?? new Map<string, string>();
      kept.set(scope, entries);
      if (value === null) entries.delete(key);
      else entries.set(key, value);
    }
  };
  return {
    kept,
    read: (scope) =>
      new Map([...(kept.get(scope) ?? [])].toSorted(([one], [other]) => (one < other ? -1 : 1))),
    change: async (changes) => {
      note(changes);
      return "stored";
    },
    note,
  };
}

/** The real store in a folder, not opened yet; closed with the test. */
export function testStore(dir: string, options: Partial<StateStoreOptions> = {}): SqliteStateStore {
  const silent = () => {};
  const store = new SqliteStateStore({
    dir,
    gateway: "test-gw",
    outbox: { maxBytes: 10_000_000, whenFull: "oldest" },
    newToken: randomUUID,
    clock: systemClock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}

export const pageBytes = 4_096;

/** The pages of a table of a closed state file, in its order. */
export function pagesOf(dir: string, table: string, type: "leaf" | "overflow"): number[] {
  const database = new DatabaseSync(join(dir, stateFile), { readOnly: true });
  try {
    const pages = database
      .prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path")
      .all(table, type);
    return pages.map(({ pageno }) => Number(pageno));
  } finally {
    database.close();
  }
}

/** Damages a page of a closed file. */
export async function overwritePage(
  dir: string,
  page: number,
  bytes = Buffer.alloc(pageBytes, 0xff),
  at = 0,
) {
  const file = await open(join(dir, stateFile), "r+");
  try {
    await file.write(bytes, 0, bytes.length, (page - 1) * pageBytes + at);
  } finally {
    await file.close();
  }
}
