import { pointerPath, valueAt } from "../../adapter-kit/json-pointer.ts";
import { sourceTimestamp } from "../../adapter-kit/source-timestamp.ts";
import type { LedgerConfig, LedgerSource } from "../../config/ledger.ts";
import type { StateChange } from "../../store/state-store.ts";
import { decodeAccount, encodeAccount, newAccount, type Account } from "./account.ts";
import { book, tooMany } from "./book.ts";
import { fromUnits } from "./quantity.ts";
import { readLines } from "./read-lines.ts";

/** A durable message, at the moment at which it is stored. */
export interface LedgerMessage {
  /** As `pos/transaction`. */
  readonly tag: string;
  /** The message's own identity; undefined where it has none. */
  readonly id: string | undefined;
  /** Its payload; undefined where that is no JSON. */
  readonly document: unknown;
}

/** One article as it is shown. Times are Unix ms. */
export interface Balance {
  readonly ledger: string;
  readonly article: string;
  readonly balance: number;
  readonly unit?: string;
  readonly countedAt: number | null;
  readonly movedAt: number | null;
}

/** What a message did to a ledger. */
export type Booking =
  | {
      readonly outcome: "booked";
      readonly articles: readonly string[];
      readonly before: readonly string[];
      readonly outdated: readonly string[];
    }
  | { readonly outcome: "refused"; readonly why: string; readonly line?: number };

/** What is in the store of the ledgers: a key an article, `stock/milk-1l`. */
export const ledgerScope = "ledger";

/** What has no time of its own, or one that can't be true, happens now. */
function happenedAt({ time }: LedgerSource, document: unknown, now: number): number {
  if (time === undefined) return now;
  const given = valueAt(document, pointerPath(time.pointer));
  return Math.min(sourceTimestamp(given, time.unit, now) ?? now, now);
}

/** What `{1}` stands for is known only when a message comes; no other sign of a tag's name means anything in a pattern. */
function patternOf(tag: string): RegExp {
  return new RegExp(`^${tag.replaceAll(/\{\d+\}/g, ".+")}$`);
}

/** One ledger: its accounts, and how they are stored. */
export class Ledger {
  readonly config: LedgerConfig;
  readonly #sources: readonly { readonly source: LedgerSource; readonly pattern: RegExp }[];
  readonly #accounts = new Map<string, Account>();

  constructor(config: LedgerConfig) {
    this.config = config;
    this.#sources = config.sources.map((source) => ({ source, pattern: patternOf(source.tag) }));
  }

  get size(): number {
    return this.#accounts.size;
  }

  get articles(): Iterable<string> {
    return this.#accounts.keys();
  }

  /** Takes stored accounts over; names those that can't be read. */
  load(stored: ReadonlyMap<string, string>): readonly string[] {
    const prefix = `${this.config.name}/`;
    const unreadable: string[] = [];
    for (const [key, json] of stored) {
      if (!key.startsWith(prefix)) continue;
      const account = decodeAccount(json, this.config.decimals);
      if (account === undefined) unreadable.push(key);
      else this.#accounts.set(key.slice(prefix.length), account);
    }
    return unreadable;
  }

  /** @param tag as `pos/2/sale`, which a wildcard may have filled */
  sourceOf(tag: string): LedgerSource | undefined {
    return this.#sources.find(({ pattern }) => pattern.test(tag))?.source;
  }

  /** Books a message. @param now Unix ms: what is said to happen later happens now */
  book(source: LedgerSource, { id, document }: LedgerMessage, now: number): Booking {
    const { decimals, articles } = this.config;
    if (id === undefined)
      return { outcome: "refused", why: "it has no identity: if it came twice, nobody could tell" };
    const read = readLines(source, document, decimals);
    if ("refused" in read)
      return {
        outcome: "refused",
        why: read.refused,
        ...(read.line === undefined ? {} : { line: read.line }),
      };
    const booked = book(this.#accounts, source.kind, read.lines, happenedAt(source, document, now), articles);
    if ("refused" in booked) return { outcome: "refused", why: booked.refused };
    for (const [article, account] of booked.accounts) this.#accounts.set(article, account);
    const { before, outdated } = booked;
    return { outcome: "booked", articles: [...booked.accounts.keys()], before, outdated };
  }

  /** What somebody sees that there is now; or why it can't be booked, in words. */
  set(article: string, units: number, now: number): Balance | { readonly refused: string } {
    const { articles } = this.config;
    const known = this.#accounts.get(article);
    if (known === undefined && this.size >= articles) return { refused: tooMany(articles) };
    const account = { ...(known ?? newAccount), units, countedAt: now };
    this.#accounts.set(article, account);
    return this.#balance(article, account);
  }

  /** False where there is no such article. */
  remove(article: string): boolean {
    return this.#accounts.delete(article);
  }

  /** What happened meanwhile was not booked: nothing counts as counted any more. */
  doubt(): void {
    for (const [article, account] of this.#accounts)
      this.#accounts.set(article, { ...account, countedAt: null });
  }

  show(article: string): Balance | undefined {
    const account = this.#accounts.get(article);
    return account === undefined ? undefined : this.#balance(article, account);
  }

  /** The article as it is to be stored. */
  change(article: string): StateChange {
    const { name, decimals } = this.config;
    const account = this.#accounts.get(article);
    const value = account === undefined ? null : encodeAccount(account, decimals);
    return { scope: ledgerScope, key: `${name}/${article}`, value };
  }

  #balance(article: string, { units, countedAt, movedAt }: Account): Balance {
    const { name, unit, decimals } = this.config;
    const balance = fromUnits(units, decimals);
    return { ledger: name, article, balance, ...(unit === undefined ? {} : { unit }), countedAt, movedAt };
  }
}
