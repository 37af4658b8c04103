import { expect, test } from "vitest";
import { ledgerEndpoints } from "./requests.ts";
import { milk, testLedgers } from "./testing.ts";

function setUp() {
  const ledgers = testLedgers();
  const audited: object[] = [];
  const endpoints = ledgerEndpoints({
    gateway: "shop1-gw",
    service: ledgers.service,
    audit: async (entry) => void audited.push(entry),
  });
  const ask = async (name: string, request?: unknown): Promise<unknown> => {
    const endpoint = endpoints.find(({ subject }) => subject === `ledger.shop1-gw.${name}`);
    const payload = Buffer.from(request === undefined ? "" : JSON.stringify(request));
    return JSON.parse(String(await endpoint?.handle(payload, "")));
  };
  return { ...ledgers, ask, audited };
}

const broken = { ledger: "stock", article: "milk-1l", by: "anna", why: "two bottles broken" };

test("the balances are listed, of one ledger or article too, and page by page", async () => {
  const { ask, count } = setUp();
  await count("milk-1l", 20);
  await count("eggs", 6);
  const eggs = { ledger: "stock", article: "eggs", balance: 6, unit: "pcs", movedAt: null };
  expect(await ask("list")).toMatchObject({ balances: [eggs, { article: "milk-1l" }], more: false });
  expect(await ask("list", { ledger: "stock", article: "eggs" })).toMatchObject({ balances: [eggs] });
  expect(await ask("list", { ledger: "stock", after: "eggs" })).toMatchObject({
    balances: [{ article: "milk-1l" }],
  });
  await expect(ask("list", { ledger: "stok" })).rejects.toThrow("no ledger");
});

test("a correction says who and why, is stored and shown, and stands in the audit", async () => {
  const { ask, count, sell, shown, audited, store } = setUp();
  await count("milk-1l", 20);
  await sell(milk(2));
  expect(await ask("correct", { ...broken, balance: 16 })).toMatchObject({ ok: true, balance: 16, was: 18 });
  expect(shown.at(-1)).toBe("stock/milk-1l 16");
  expect(JSON.parse(store.disk.get("stock/milk-1l") ?? "")).toMatchObject({ balance: 16 });
  expect(audited).toMatchObject([{ action: "correct", ...broken, balance: 16, was: 18, ok: true }]);
});

test("an article that is no longer sold is taken out, and makes room", async () => {
  const { ask, count, shown, store, audited } = setUp();
  await count("milk-1l", 20);
  expect(await ask("remove", broken)).toMatchObject({ ok: true, balance: 20 });
  expect(shown.at(-1)).toBe("stock without milk-1l");
  expect([...store.disk.keys()]).toEqual([]);
  expect(audited).toMatchObject([{ action: "remove", by: "anna", ok: true }]);
});

test.each([
  ["nobody", { ledger: "stock", article: "milk-1l", balance: 1 }, '"by"'],
  ["no article", { ...broken, article: "milk 1l", balance: 1 }, "letters, digits"],
  ["half a piece", { ...broken, balance: 0.5 }, "at most 0 decimals"],
  ["no balance", broken, "at most 0 decimals"],
  ["no room", { ...broken, article: "a-fourth", balance: 1 }, "more than 3 articles"],
  ["another ledger", { ...broken, ledger: "stok", balance: 1 }, "no ledger"],
])("a correction with %s is refused, and stands in the audit", async (_, request, why) => {
  const { ask, audited, service, count } = setUp();
  for (const article of ["a", "b", "c"]) await count(article, 1);
  await expect(ask("correct", request)).rejects.toThrow(why);
  expect(audited).toMatchObject([{ action: "correct", ok: false, message: expect.stringContaining(why) }]);
  expect(service.list().map(({ article, balance }) => `${article} ${balance}`)).toEqual([
    "a 1",
    "b 1",
    "c 1",
  ]);
});
