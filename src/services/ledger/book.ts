import type { PostingKind } from "../../config/ledger.ts";
import { newAccount, type Account } from "./account.ts";
import { isSum } from "./quantity.ts";

/** What becomes of the accounts that a message names. */
export type Booked =
  | {
      readonly accounts: ReadonlyMap<string, Account>;
      /** Articles whose last count came after the movement: it is in that count already. */
      readonly before: readonly string[];
      /** Articles that moved after they were counted: the count is too old to be taken. */
      readonly outdated: readonly string[];
    }
  | { readonly refused: string };

/**
 * Books the lines of one message, all or none. Pure.
 *
 * @param lines the quantities by article, in the smallest units
 * @param at when it happened, Unix ms
 * @param most so many accounts there may be
 */
export function book(
  accounts: ReadonlyMap<string, Account>,
  kind: PostingKind,
  lines: ReadonlyMap<string, number>,
  at: number,
  most: number,
): Booked {
  const changed = new Map<string, Account>();
  const before: string[] = [];
  const outdated: string[] = [];
  for (const [article, units] of lines) {
    const account = accounts.get(article) ?? newAccount;
    if (kind === "count" && at < (account.movedAt ?? -Infinity)) outdated.push(article);
    else if (at < (account.countedAt ?? -Infinity)) (kind === "count" ? outdated : before).push(article);
    else changed.set(article, posted(account, kind, units, at));
  }
  const fresh = [...changed.keys()].filter((article) => !accounts.has(article)).length;
  if (accounts.size + fresh > most) return { refused: tooMany(most) };
  for (const [article, { units }] of changed)
    if (!isSum(units)) return { refused: `the balance of ${article} would be too large` };
  return { accounts: changed, before, outdated };
}

export function tooMany(most: number): string {
  return `there would be more than ${most} articles: see \`articles\` in ledger.yaml`;
}

function posted(account: Account, kind: PostingKind, units: number, at: number): Account {
  switch (kind) {
    case "count":
      return { ...account, units, countedAt: at };
    case "in":
      return { ...account, units: account.units + units, movedAt: later(account.movedAt, at) };
    case "out":
      return { ...account, units: account.units - units, movedAt: later(account.movedAt, at) };
  }
}

function later(one: number | null, other: number): number {
  return Math.max(one ?? -Infinity, other);
}
