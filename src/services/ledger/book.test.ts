import fc from "fast-check";
import { expect, test } from "vitest";
import type { Account } from "./account.ts";
import { decodeAccount, encodeAccount } from "./account.ts";
import { book } from "./book.ts";
import { fromUnits, toUnits } from "./quantity.ts";

/** Books one line after the other; what is refused changes nothing. */
function after(...steps: readonly (readonly ["in" | "out" | "count", number, number])[]) {
  const accounts = new Map<string, Account>();
  const said: string[] = [];
  for (const [kind, units, at] of steps) {
    const booked = book(accounts, kind, new Map([["milk", units]]), at, 10);
    if ("refused" in booked) throw new TypeError(booked.refused);
    for (const [article, account] of booked.accounts) accounts.set(article, account);
    said.push(booked.before.length > 0 ? "before" : booked.outdated.length > 0 ? "outdated" : "booked");
  }
  return { milk: accounts.get("milk"), said };
}

test("a sale that a till tells only after the stocktaking is in the count already", () => {
  const { milk, said } = after(
    ["count", 20, 1_000],
    ["out", 2, 1_500],
    ["count", 17, 2_000],
    ["out", 1, 1_900],
  );
  expect(said).toEqual(["booked", "booked", "booked", "before"]);
  expect(milk).toEqual({ units: 17, countedAt: 2_000, movedAt: 1_500 });
});

test("a count that was taken before something moved, and comes after it, is too old", () => {
  const { milk, said } = after(["count", 20, 1_000], ["out", 2, 2_000], ["count", 20, 1_500]);
  expect(said).toEqual(["booked", "booked", "outdated"]);
  expect(milk?.units).toBe(18);
});

test("what would be one article too many is refused whole", () => {
  const accounts = new Map([["milk", { units: 1, countedAt: null, movedAt: null }]]);
  const lines = new Map([
    ["milk", 1],
    ["eggs", 1],
  ]);
  expect(book(accounts, "out", lines, 1, 1)).toEqual({
    refused: expect.stringContaining("more than 1 articles"),
  });
});

const movement = fc.record({
  kind: fc.constantFrom("in" as const, "out" as const),
  units: fc.integer({ min: -1_000, max: 1_000 }),
  at: fc.integer({ min: 0, max: 1_000 }),
  late: fc.integer({ min: 0, max: 1_000 }),
});
const count = fc.record({
  units: fc.integer({ min: 0, max: 1_000 }),
  at: fc.integer({ min: 0, max: 1_000 }),
});

test("however late movements are told: the balance is the last count and what moved since", () => {
  fc.assert(
    fc.property(fc.array(movement), fc.array(count), (movements, counts) => {
      const told = [
        ...movements.map((one) => ({ ...one, told: one.at + one.late })),
        // A count that comes in the same moment as a movement comes first.
        ...counts.map((one) => ({ ...one, kind: "count" as const, told: one.at - 0.5, late: 0 })),
      ].toSorted((one, other) => one.told - other.told);
      const { milk } = after(...told.map(({ kind, units, at }) => [kind, units, at] as const));
      const last = told.findLast(({ kind }) => kind === "count");
      const since = movements.filter(({ at }) => at >= (last?.at ?? 0));
      const moved = since.reduce((sum, { kind, units }) => sum + (kind === "in" ? units : -units), 0);
      expect(milk?.units ?? 0).toBe((last?.units ?? 0) + moved);
    }),
  );
});

test("sums of decimal quantities are exact, and survive the store", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 })),
      fc.integer({ min: 0, max: 6 }),
      (grams, decimals) => {
        const units = grams.map((gram) => toUnits(gram / 10 ** decimals, decimals) ?? Number.NaN);
        expect(units).toEqual(grams.map((gram) => gram + 0));
        const account = { units: units.reduce((sum, one) => sum + one, 0), countedAt: 5, movedAt: null };
        expect(decodeAccount(encodeAccount(account, decimals), decimals)).toEqual(account);
        expect(toUnits(fromUnits(account.units, decimals).toFixed(decimals), decimals)).toBe(account.units);
      },
    ),
  );
});

test.each([
  [0.1 + 0.2, 2, 30],
  ["2.000", 0, 2],
  [-3, 0, -3],
  [0.5, 0, undefined],
  ["two", 0, undefined],
  ["", 0, undefined],
  [null, 0, undefined],
  [Number.NaN, 0, undefined],
  [1e300, 0, undefined],
])("%j with %i decimals is %s of the smallest units", (given, decimals, units) => {
  expect(toUnits(given, decimals)).toBe(units);
});
