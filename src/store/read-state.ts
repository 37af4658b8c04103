import { existsSync } from "node:fs";
import { join } from "node:path";
import { stateFile } from "./sqlite-state-store.ts";

/** One scope of the durable state in a data folder, for commands beside a gateway that may run; empty where there is none. */
export async function readState(data: string, scope: string): Promise<ReadonlyMap<string, string>> {
  const path = join(data, stateFile);
  if (!existsSync(path)) return new Map();
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  try {
    const rows = database.prepare("SELECT key, value FROM state WHERE scope = ? ORDER BY key").all(scope);
    return new Map(rows.map(({ key, value }) => [String(key), String(value)]));
  } finally {
    database.close();
  }
}
