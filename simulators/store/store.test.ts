import { expect, test } from "vitest";
import { seededRandom } from "../line/random.ts";
import { transaction } from "./messages.ts";
import { articles, newStore, stepStore, stockOf, type Sale, type StoreState } from "./store.ts";

/** The store after so many seconds, with all that was sold. */
function open(seconds: number, seed = 1) {
  const random = seededRandom(seed);
  let state: StoreState = newStore;
  const sales: Sale[] = [];
  const shelves: number[] = [];
  for (let time = 0; time < seconds; time += 0.25) {
    const step = stepStore(state, 0.25, random);
    state = step.state;
    sales.push(...step.sales);
    shelves.push(...Object.values(state.shelves));
  }
  return { state, sales, shelves };
}

test("what was sold is what is missing, on the shelves and in the back room together", () => {
  const { state, sales } = open(120);
  for (const { sku } of articles) {
    const sold = sales.flat().filter((line) => line.sku === sku);
    const pieces = sold.reduce((sum, { quantity }) => sum + quantity, 0);
    expect(stockOf(state, sku)).toBe(stockOf(newStore, sku) - pieces);
  }
  expect(sales.length).toBeGreaterThan(20);
  expect(sales.flat().some(({ quantity }) => quantity < 0)).toBe(true);
});

test("shelves run low and are filled, never below nothing, and who came in goes out", () => {
  const { state, shelves } = open(120);
  expect(Math.min(...shelves)).toBeGreaterThanOrEqual(0);
  expect(state.backRoom["milk-1l"]).toBeLessThan(newStore.backRoom["milk-1l"] ?? 0);
  expect(state.cameIn).toBe(state.wentOut + state.customers.length);
});

test("the same seed sees the same customers", () => {
  expect(open(60, 7)).toEqual(open(60, 7));
  expect(open(60, 7).sales).not.toEqual(open(60, 8).sales);
});

test("a sale's total is exact to the cent", () => {
  const items = [
    { sku: "milk-1l", quantity: 3, price: 1.49 },
    { sku: "croissant", quantity: -1, price: 1.1 },
  ];
  expect(transaction("1", "000001", items, 0)).toEqual({
    transactionId: "1-000001",
    till: "1",
    time: "1970-01-01T00:00:00.000Z",
    total: 3.37,
    items,
  });
});
