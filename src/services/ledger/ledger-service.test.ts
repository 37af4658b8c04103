import { expect, test } from "vitest";
import { FakeClock } from "../testing.ts";
import { milk, sale, stock, testLedgers } from "./testing.ts";

test("sales take from the balance, deliveries and returns add to it, a count sets it", async () => {
  const { count, sell, tell, shown } = testLedgers();
  await sell(milk(1));
  await count("milk-1l", 20);
  await sell(milk(2), { sku: 4_006_381_333_931, quantity: "1" });
  await sell(milk(-1));
  await tell("goods-in/delivery", sale(milk(12)));
  await tell("entrance/traffic", sale(milk(5)));
  expect(shown).toEqual([
    "stock begins",
    // Nobody has counted yet: what there is, is not known.
    "stock/milk-1l -1?",
    "stock/milk-1l 20",
    "stock/milk-1l 18",
    "stock/4006381333931 -1?",
    "stock/milk-1l 19",
    "stock/milk-1l 31",
  ]);
});

const garbage: readonly (readonly [string, unknown, object])[] = [
  ["no JSON", undefined, { why: expect.stringContaining("no lines") }],
  ["no lines", { total: 3 }, { why: expect.stringContaining("no lines") }],
  ["no article", sale(milk(1), { quantity: 1 }), { line: 2 }],
  ["an article that is no name", sale(milk(1), { sku: "milk/1 l", quantity: 1 }), { line: 2 }],
  ["a word for a quantity", sale(milk(1), milk("two")), { line: 2, why: expect.stringContaining('"two"') }],
  ["half a piece", sale(milk(1), milk(0.5)), { line: 2 }],
  ["too many articles", sale(...["a", "b", "c"].map((sku) => ({ sku, quantity: 1 }))), {}],
];

test.each(garbage)("of a message with %s nothing is booked, and it is told", async (_, document, told) => {
  const { count, tell, events, service, store } = testLedgers();
  await count("milk-1l", 20);
  await tell("pos/transaction", document);
  expect(service.list()).toMatchObject([{ article: "milk-1l", balance: 20 }]);
  const data = { tag: "pos/transaction", id: "m-2", why: expect.any(String), ...told };
  expect(events).toEqual([{ name: "event/shop1/stock/refused", data: expect.objectContaining(data) }]);
  expect(store.messages.map(({ subject }) => subject)).toEqual(["event.shop1.stock.refused"]);
});

test("a till that sends nothing but garbage is in the log once, and again after a good sale", async () => {
  const { sell, log, events } = testLedgers();
  for (const quantity of ["two", "three", 1, "four"]) await sell(milk(quantity));
  expect(events).toHaveLength(3);
  expect(log).toHaveLength(2);
});

test("a message without an identity is not booked: it may come again", async () => {
  const { tell, shown, events } = testLedgers();
  await tell("pos/transaction", sale(milk(1)), undefined, "");
  expect(shown).toEqual(["stock begins"]);
  expect(events).toMatchObject([{ data: { id: null, why: expect.stringContaining("no identity") } }]);
});

test("several lines of one article are added up", async () => {
  const { count, sell, shown } = testLedgers();
  await count("milk-1l", 20);
  await sell(milk(2), milk(-1), milk("4"));
  expect(shown.at(-1)).toBe("stock/milk-1l 15");
});

test("tills may have a topic each: what a wildcard of theirs stands for does not matter", async () => {
  const perTill = stock.sources.map((source) => ({ ...source, tag: source.tag.replace("pos/", "pos/{1}/") }));
  const { tell, shown } = testLedgers([{ ...stock, sources: perTill }]);
  await tell("pos/2/transaction", sale(milk(1)));
  await tell("pos/transaction", sale(milk(1)));
  await tell("pos/2/transaction/x", sale(milk(1)));
  expect(shown).toEqual(["stock begins", "stock/milk-1l -1?"]);
});

test("an empty sale books nothing and is no mistake", async () => {
  const { sell, events, shown } = testLedgers();
  await sell();
  expect([...events, ...shown]).toEqual(["stock begins"]);
});

test("a till whose clock is a day ahead does not make today's count too old", async () => {
  const { count, tell, clock, service, events } = testLedgers();
  await tell("pos/transaction", sale(milk(1)), clock.now() + 86_400_000);
  await clock.pass(1_000);
  await count("milk-1l", 20);
  expect(service.list()).toMatchObject([{ balance: 20 }]);
  expect(events).toEqual([]);
});

test("a count that is too old for some articles is booked for the others, and told", async () => {
  const { tell, clock, service, events, sell } = testLedgers([
    {
      ...stock,
      sources: stock.sources.map((source) => ({ ...source, items: "/items", quantity: "/quantity" })),
    },
  ]);
  const before = clock.now();
  await clock.pass(1_000);
  await sell(milk(1));
  await tell("handheld/count", sale(milk(9), { sku: "eggs", quantity: 6 }), before);
  expect(service.list().map(({ article, balance }) => `${article} ${balance}`)).toEqual([
    "eggs 6",
    "milk-1l -1",
  ]);
  expect(events).toMatchObject([
    { name: "event/shop1/stock/count-outdated", data: { articles: ["milk-1l"] } },
  ]);
});

test("a stocktaking of thousands lets live readings pass while it is shown", async () => {
  const clock = new (class extends FakeClock {
    #time = 0;
    override monotonic() {
      return (this.#time += 1);
    }
  })();
  const { service, tell, shown } = testLedgers([{ ...stock, articles: 500 }], { clock });
  let turns = 0;
  let isOver = false;
  const turn = () => {
    turns += 1;
    if (!isOver) setImmediate(turn);
  };
  turn();
  const items = Array.from({ length: 400 }, (_, index) => ({ sku: `a-${index}`, quantity: -index }));
  await tell("goods-in/delivery", { items });
  expect(shown.length).toBeLessThan(300);
  await service.stop();
  isOver = true;
  expect(shown).toHaveLength(401);
  expect(turns).toBeGreaterThan(100);
});

test("a ledger goes on where it was, and shows every balance again", async () => {
  const first = testLedgers();
  await first.count("milk-1l", 20);
  await first.sell(milk(3));
  const second = testLedgers([stock], { store: first.store });
  expect(second.shown).toEqual(["stock begins", "stock/milk-1l 17"]);
  expect([...first.store.disk.keys()]).toEqual(["stock/milk-1l"]);
});

test("balances of a ledger that was away are doubted until somebody counts", async () => {
  const { service, count, sell, shown, store } = testLedgers();
  await count("milk-1l", 20);
  service.apply({ ledgers: [] });
  await sell(milk(1));
  service.apply({ ledgers: [stock] });
  expect(shown.slice(2)).toEqual([
    "stock without milk-1l",
    "stock ends",
    "stock begins",
    "stock/milk-1l 20?",
  ]);
  await count("milk-1l", 19);
  expect(shown.at(-1)).toBe("stock/milk-1l 19");
  expect(JSON.parse(store.disk.get("stock/milk-1l") ?? "")).toMatchObject({ balance: 19 });
});

test("what was booked while its ledger was taken out is not shown afterwards", async () => {
  const { service, sell, shown, store } = testLedgers();
  const told = sell(milk(1));
  service.apply({ ledgers: [] });
  await told;
  expect(shown).toEqual(["stock begins", "stock without milk-1l", "stock ends"]);
  expect([...store.disk.keys()]).toEqual(["stock/milk-1l"]);
});

test("an edited ledger goes on with its balances", async () => {
  const { service, count, sell, shown } = testLedgers();
  await count("milk-1l", 20);
  service.apply({ ledgers: [{ ...stock, unit: "bottles", decimals: 3 }] });
  await sell(milk(0.5));
  expect(shown.slice(2)).toEqual(["stock begins", "stock/milk-1l 20", "stock/milk-1l 19.5"]);
});
