import { fromUnits, toUnits } from "./quantity.ts";

/** What the ledger knows of one article. Plain data. */
export interface Account {
  /** The balance in the ledger's smallest units. */
  readonly units: number;
  /** When it was last counted, Unix ms; null: never, or what happened since then was not all booked. */
  readonly countedAt: number | null;
  /** When the last movement happened, Unix ms. */
  readonly movedAt: number | null;
}

export const newAccount: Account = { units: 0, countedAt: null, movedAt: null };

export function encodeAccount({ units, countedAt, movedAt }: Account, decimals: number): string {
  return JSON.stringify({ balance: fromUnits(units, decimals), countedAt, movedAt });
}

/** Undefined for what is none, as where a ledger became coarser than its balances. */
export function decodeAccount(json: string, decimals: number): Account | undefined {
  const stored = parsed(json);
  const units = toUnits(stored?.balance, decimals);
  if (stored === undefined || units === undefined) return undefined;
  return { units, countedAt: time(stored.countedAt), movedAt: time(stored.movedAt) };
}

interface StoredAccount {
  readonly balance?: unknown;
  readonly countedAt?: unknown;
  readonly movedAt?: unknown;
}

function parsed(json: string): StoredAccount | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function time(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
