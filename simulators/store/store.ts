import type { Random } from "../line/random.ts";

/** An article that the store sells, and the shelf it lies on. */
export interface Article {
  readonly sku: string;
  /** EUR. */
  readonly price: number;
  readonly shelf: string;
  /** Pieces that the shelf has room for. */
  readonly room: number;
}

export const articles: readonly Article[] = [
  { sku: "milk-1l", price: 1.49, shelf: "1", room: 24 },
  { sku: "croissant", price: 1.1, shelf: "2", room: 40 },
  { sku: "coffee-500g", price: 6.99, shelf: "3", room: 30 },
];

export interface SaleLine {
  readonly sku: string;
  readonly quantity: number;
  readonly price: number;
}

/** What a customer takes through a till; quantities are negative where something is brought back. */
export type Sale = readonly SaleLine[];

/** The store at one moment. */
export interface StoreState {
  /** Pieces on the shelves, by article. */
  readonly shelves: Readonly<Record<string, number>>;
  /** Pieces in the back room, by article. */
  readonly backRoom: Readonly<Record<string, number>>;
  /** For each customer in the store, the seconds until they pay. */
  readonly customers: readonly number[];
  /** Since the camera was switched on. */
  readonly cameIn: number;
  readonly wentOut: number;
  /** Seconds since the staff were told of an empty shelf, by article. */
  readonly asked: Readonly<Record<string, number>>;
  /** Seconds since it opened. */
  readonly open: number;
}

export interface StoreStep {
  readonly state: StoreState;
  readonly sales: readonly Sale[];
}

/** The first figures of the day: what the stocktaking finds. */
export const newStore: StoreState = {
  shelves: Object.fromEntries(articles.map(({ sku, room }) => [sku, room])),
  backRoom: { "milk-1l": 36, croissant: 60, "coffee-500g": 0 },
  customers: [],
  cameIn: 0,
  wentOut: 0,
  asked: {},
  open: 0,
};

/** Customers a second: usually, and in the rush that comes every so many seconds, for so many. */
const comeIn = 0.4;
const rush = { every: 90, after: 10, lasts: 35, comeIn: 2.5 } as const;
/** Seconds that a customer stays, about. */
const stayFor = 12;
/** Seconds from a shelf that is nearly empty to the staff that fills it. */
const fillAfter = 15;
const nearlyEmpty = 6;
const returnsShare = 0.02;

/** What there is of an article, shelf and back room together. */
export function stockOf({ shelves, backRoom }: StoreState, sku: string): number {
  return (shelves[sku] ?? 0) + (backRoom[sku] ?? 0);
}

/** The store after `seconds` more. Pure: the same state and random numbers give the same store. */
export function stepStore(store: StoreState, seconds: number, random: Random): StoreStep {
  const left = store.customers.map((wait) => wait - seconds);
  const staying = left.filter((wait) => wait > 0);
  const paying = left.length - staying.length;
  const intoRound = (store.open % rush.every) - rush.after;
  const perSecond = intoRound >= 0 && intoRound < rush.lasts ? rush.comeIn : comeIn;
  const arriving = random() < perSecond * seconds ? 1 : 0;
  const fresh = Array.from({ length: arriving }, () => stayFor * (0.5 + random()));
  const shelves = { ...store.shelves };
  const sales: Sale[] = [];
  for (let customer = 0; customer < paying; customer += 1) {
    const sale = basket(shelves, random);
    if (sale.length > 0) sales.push(sale);
  }
  const state = {
    ...store,
    shelves,
    customers: [...staying, ...fresh],
    cameIn: store.cameIn + arriving,
    wentOut: store.wentOut + paying,
    open: store.open + seconds,
  };
  return { state: fillShelves(state, seconds), sales };
}

/** What one customer takes from the shelves, or brings back. */
function basket(shelves: Record<string, number>, random: Random): Sale {
  const isReturn = random() < returnsShare;
  const wanted = articles.filter(() => random() < 0.4).slice(0, isReturn ? 1 : articles.length);
  return wanted.flatMap(({ sku, price, room }) => {
    const there = shelves[sku] ?? 0;
    const most = isReturn ? Math.min(1, room - there) : Math.min(1 + Math.floor(random() * 3), there);
    if (most <= 0) return [];
    const quantity = isReturn ? -most : most;
    shelves[sku] = there - quantity;
    return [{ sku, quantity, price }];
  });
}

function fillShelves(store: StoreState, seconds: number): StoreState {
  const shelves = { ...store.shelves };
  const backRoom = { ...store.backRoom };
  const asked: Record<string, number> = {};
  for (const { sku, room } of articles) {
    if ((shelves[sku] ?? 0) >= nearlyEmpty || (backRoom[sku] ?? 0) === 0) continue;
    const since = (store.asked[sku] ?? 0) + seconds;
    if (since < fillAfter) {
      asked[sku] = since;
      continue;
    }
    const carried = Math.min(room - (shelves[sku] ?? 0), backRoom[sku] ?? 0);
    shelves[sku] = (shelves[sku] ?? 0) + carried;
    backRoom[sku] = (backRoom[sku] ?? 0) - carried;
  }
  return { ...store, shelves, backRoom, asked };
}

/** A delivery has come into the back room. */
export function deliver(store: StoreState, sku: string, quantity: number): StoreState {
  return { ...store, backRoom: { ...store.backRoom, [sku]: (store.backRoom[sku] ?? 0) + quantity } };
}
