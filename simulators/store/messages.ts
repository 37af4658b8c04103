import { articles, stockOf, type Sale, type StoreState } from "./store.ts";

/** A sale as a till publishes it. */
export interface Transaction {
  readonly transactionId: string;
  readonly till: string;
  /** ISO 8601. */
  readonly time: string;
  /** EUR. */
  readonly total: number;
  readonly items: Sale;
}

/** @param number of the till's sales, from 1; a till numbers on over its restarts. @param now Unix ms */
export function transaction(till: string, number: string, items: Sale, now: number): Transaction {
  const cents = items.reduce((sum, { quantity, price }) => sum + Math.round(quantity * price * 100), 0);
  return {
    transactionId: `${till}-${number}`,
    till,
    time: new Date(now).toISOString(),
    total: cents / 100,
    items,
  };
}

/** A stocktaking of the whole store, as a handheld publishes it. */
export function stocktaking(countId: string, store: StoreState, now: number): object {
  return {
    countId,
    time: new Date(now).toISOString(),
    by: "anna",
    items: articles.map(({ sku }) => ({ sku, counted: stockOf(store, sku) })),
  };
}

/** A delivery of what there is too little of, as a handheld publishes it. */
export function delivery(deliveryId: string, sku: string, quantity: number, now: number): object {
  return { deliveryId, time: new Date(now).toISOString(), items: [{ sku, quantity }] };
}
