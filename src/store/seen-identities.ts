import { createHash } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { TransactionPart } from "./transaction-part.ts";

export interface SeenLimits {
  /** Of each scope so many are remembered, the latest. */
  readonly perScope: number;
  /** Longer than this none need be remembered. */
  readonly days: number;
  /** Old ones are looked for after so many new ones. */
  readonly pruneEvery: number;
}

const seenLimits: SeenLimits = { perScope: 100_000, days: 30, pruneEvery: 1_000 };

const schema = `
CREATE TABLE IF NOT EXISTS seen (n INTEGER PRIMARY KEY, scope INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS seen_hash ON seen (scope, hash);
`;

const sql = {
  find: "SELECT 1 FROM seen WHERE scope = ? AND hash = ?",
  insert: "INSERT OR IGNORE INTO seen (scope, hash, at) VALUES (?, ?, ?)",
  counts: "SELECT scope, count(*) AS rows FROM seen GROUP BY scope",
  // The `+` keeps SQLite from the index: in the order of `n` the oldest are found first.
  cut: "DELETE FROM seen WHERE n IN (SELECT n FROM seen WHERE +scope = ? ORDER BY n LIMIT ?)",
  expire: "DELETE FROM seen WHERE n IN (SELECT n FROM seen ORDER BY n LIMIT ?) AND at < ?",
};

/** A message's identity, made small: whose it is, and the first 128 bits of a SHA-256. */
export interface Identity {
  readonly scope: number;
  readonly hash: string;
}

/** The identity within a scope, such as a tag of a mapping; the parts are texts of any length. */
export function identityOf(scope: string, ...parts: readonly string[]): Identity {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return {
    scope: digest(scope).readUInt32BE(0),
    hash: digest(JSON.stringify(parts)).toString("hex", 0, 16),
  };
}

interface Tables {
  readonly find: StatementSync;
  readonly insert: StatementSync;
  readonly counts: StatementSync;
  readonly cut: StatementSync;
  readonly expire: StatementSync;
}

/** Identities of messages that were stored, in the transactions of those messages; the oldest are forgotten. */
export class SeenIdentities implements TransactionPart {
  readonly #now: () => number;
  readonly #limits: SeenLimits;
  #tables: Tables | undefined;
  /** Not committed yet, by scope and hash. */
  readonly #fresh = new Map<string, Identity>();
  #sincePrune = 0;

  constructor(now: () => number, limits: SeenLimits = seenLimits) {
    this.#now = now;
    this.#limits = limits;
  }

  get isDirty(): boolean {
    return this.#fresh.size > 0;
  }

  has({ scope, hash }: Identity): boolean {
    if (this.#fresh.has(keyOf({ scope, hash }))) return true;
    return this.#tables?.find.get(scope, Buffer.from(hash, "hex")) !== undefined;
  }

  /** Goes with the next commit. */
  add(identity: Identity): void {
    this.#fresh.set(keyOf(identity), identity);
  }

  load(database: DatabaseSync): void {
    database.exec(schema);
    const prepared = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)] as const);
    this.#tables = Object.fromEntries(prepared) as unknown as Tables;
  }

  write(): void {
    const at = this.#now();
    for (const { scope, hash } of this.#fresh.values())
      this.#tables?.insert.run(scope, Buffer.from(hash, "hex"), at);
    if (this.#sincePrune + this.#fresh.size >= this.#limits.pruneEvery) this.#prune(at);
  }

  stored(): void {
    this.#sincePrune = (this.#sincePrune + this.#fresh.size) % this.#limits.pruneEvery;
    this.#fresh.clear();
  }

  #prune(at: number): void {
    const { perScope, days, pruneEvery } = this.#limits;
    this.#tables?.expire.run(pruneEvery * 2, at - days * 86_400_000);
    for (const { scope, rows } of this.#tables?.counts.all() ?? []) {
      if (Number(rows) > perScope) this.#tables?.cut.run(Number(scope), Number(rows) - perScope);
    }
  }
}

function keyOf({ scope, hash }: Identity): string {
  return `${scope}:${hash}`;
}
