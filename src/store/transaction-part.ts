import type { DatabaseSync } from "node:sqlite";
import type { SalvagedTable } from "./salvage.ts";

/** Tables of one part of the gateway in the one file, written in the same transactions as the state and the outbox. */
export interface TransactionPart {
  /** What of it is taken over from a file that is found corrupt. */
  readonly salvaged: readonly SalvagedTable[];
  /** The next commit has something to write. */
  readonly isDirty: boolean;
  /** Makes the tables where they are missing, and reads them; again, where the first file was corrupt. Throws what SQLite says. */
  load(database: DatabaseSync): void;
  /** Inside a transaction. What is written stays dirty until `stored`: the disk may refuse. */
  write(): void;
  /** What `write` wrote is committed, and nothing was added since. */
  stored(): void;
}
