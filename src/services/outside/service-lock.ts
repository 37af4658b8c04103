import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../../domain/errors.ts";

/** Held here as well: a lock that nobody refers to any more would be given back with the next garbage. */
const held = new Set<DatabaseSync>();

/**
 * Takes a folder for one process; gives the way to give it back. A lock of SQLite's, which the operating system takes back
 * from a process that is killed. Throws CONFIG_INVALID where another process has it, or the folder can't be written to.
 */
export function lockFolder(dir: string): () => void {
  try {
    mkdirSync(dir, { recursive: true });
    const lock = new DatabaseSync(join(dir, "running.lock"), { timeout: 0 });
    try {
      lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    } catch (caught) {
      lock.close();
      throw caught;
    }
    held.add(lock);
    return () => {
      held.delete(lock);
      lock.close();
    };
  } catch (cause) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${dir} can't be taken: perhaps this service runs already. Two of them would decide everything twice.`,
      { cause, context: { dir } },
    );
  }
}
