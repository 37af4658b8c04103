import type { DatabaseSync } from "node:sqlite";

/** Tables of one part of the gateway in the one file, written in the same transactions as the state and the outbox. */
export interface TransactionPart {
  /** The next commit has something to write. */
  readonly isDirty: boolean;
  /** Makes the tables where they are missing, and reads them. Throws what SQLite says. */
  load(database: DatabaseSync): void;
  /** Inside a transaction. What is written stays dirty until `stored`: the disk may refuse. */
  write(): void;
  /** What `write` wrote is committed, and nothing was added since. */
  stored(): void;
}
