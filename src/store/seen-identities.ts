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
CREATE TABLE IF NOT EXISTS identity
  (n INTEGER PRIMARY KEY, scope INTEGER NOT NULL, hash BLOB NOT NULL, content BLOB NOT NULL, at INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS identity_hash ON identity (scope, hash);
`;

const sql = {
  find: "SELECT content FROM identity WHERE scope = ? AND hash = ?",
  insert: "INSERT OR IGNORE INTO identity (scope, hash, content, at) VALUES (?, ?, ?, ?)",
  counts: "SELECT scope, count(*) AS rows FROM identity GROUP BY scope",
  // The `+` keeps SQLite from the index: in the order of `n` the oldest are found first.
  cut: "DELETE FROM identity WHERE n IN (SELECT n FROM identity WHERE +scope = ? ORDER BY n LIMIT ?)",
  expire: "DELETE FROM identity WHERE n IN (SELECT n FROM identity ORDER BY n LIMIT ?) AND at < ?",
};

/** A message's identity, made small: whose it is, and the first 128 bits of a SHA-256. */
export interface Identity {
  readonly scope: number;
  readonly hash: string;
}

/** What a message holds, made small: the first 64 bits of a SHA-256. */
export function contentMark(payload: Uint8Array): string {
  return createHash("sha256").update(payload).digest().toString("hex", 0, 8);
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

interface Seen {
  readonly identity: Identity;
  readonly content: string;
}

/** Identities of messages that were stored, with a mark of what those held, in the transactions of those messages; the oldest are forgotten. */
export class SeenIdentities implements TransactionPart {
  readonly salvaged = [{ name: "identity", key: ["n"] }];
  readonly #now: () => number;
  readonly #limits: SeenLimits;
  #tables: Tables | undefined;
  /** Not committed yet, by scope and hash. */
  readonly #fresh = new Map<string, Seen>();
  #sincePrune = 0;

  constructor(now: () => number, limits: SeenLimits = seenLimits) {
    this.#now = now;
    this.#limits = limits;
  }

  get isDirty(): boolean {
    return this.#fresh.size > 0;
  }

  /** The mark of what the message of that identity held; undefined where none was stored. */
  contentOf({ scope, hash }: Identity): string | undefined {
    const fresh = this.#fresh.get(keyOf({ scope, hash }));
    if (fresh !== undefined) return fresh.content;
    const content = this.#tables?.find.get(scope, Buffer.from(hash, "hex"))?.["content"];
    return content instanceof Uint8Array ? Buffer.from(content).toString("hex") : undefined;
  }

  /** Goes with the next commit. */
  add(identity: Identity, content: string): void {
    this.#fresh.set(keyOf(identity), { identity, content });
  }

  load(database: DatabaseSync): void {
    database.exec(schema);
    const prepared = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)] as const);
    this.#tables = Object.fromEntries(prepared) as unknown as Tables;
  }

  write(): void {
    const at = this.#now();
    for (const { identity, content } of this.#fresh.values()) {
      const { scope, hash } = identity;
      this.#tables?.insert.run(scope, Buffer.from(hash, "hex"), Buffer.from(content, "hex"), at);
    }
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
