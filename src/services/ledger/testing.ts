import type { LedgerConfig } from "../../config/ledger.ts";
import { FakeClock, FakeStore, settle } from "../testing.ts";
import { LedgerService } from "./ledger-service.ts";

const time = { pointer: "/time", unit: "iso8601" } as const;

/** What a store holds of each article: sales take from it, deliveries add, a handheld counts. */
export const stock: LedgerConfig = {
  name: "stock",
  unit: "pcs",
  decimals: 0,
  articles: 3,
  sources: [
    { kind: "out", tag: "pos/transaction", time, items: "/items", key: "/sku", quantity: "/quantity" },
    { kind: "in", tag: "goods-in/delivery", items: "/items", key: "/sku", quantity: "/quantity" },
    { kind: "count", tag: "handheld/count", time, items: "", key: "/sku", quantity: "/counted" },
  ],
};

/** A message as a till sends it. */
export const sale = (...items: readonly unknown[]) => ({ items });
export const milk = (quantity: unknown) => ({ sku: "milk-1l", quantity });

/** Ledgers on fakes: what they show and tell is kept. */
export function testLedgers(
  config: readonly LedgerConfig[] = [stock],
  { store = new FakeStore(), clock = new FakeClock() } = {},
) {
  const shown: string[] = [];
  const events: { name: string; data: Readonly<Record<string, unknown>> }[] = [];
  const log: string[] = [];
  const keep = (_: object, message: string) => void log.push(message);
  const service = new LedgerService(
    { ledgers: config },
    {
      site: "shop1",
      store,
      clock,
      output: {
        begin: (ledger) => void shown.push(`${ledger} begins`),
        balance: ({ ledger, article, balance, countedAt }) =>
          void shown.push(`${ledger}/${article} ${balance}${countedAt === null ? "?" : ""}`),
        forget: (ledger, articles) => void shown.push(`${ledger} without ${articles.join(" ")}`),
        end: (ledger) => void shown.push(`${ledger} ends`),
        event: ({ topic }, json) => {
          const { data } = JSON.parse(json) as { data: Readonly<Record<string, unknown>> };
          events.push({ name: topic, data });
        },
      },
      log: { debug: () => {}, info: () => {}, warn: keep, error: keep },
    },
  );
  service.start();
  let number = 0;
  /** Books a message as the gateway does that stores it. */
  const tell = async (
    name: string,
    document: unknown,
    at = clock.now(),
    id: string | undefined = `m-${(number += 1)}`,
  ) => {
    const payload =
      typeof document === "object" && document !== null
        ? JSON.stringify({ time: new Date(at).toISOString(), ...document })
        : String(document);
    const [device = "", ...levels] = name.split("/");
    const tag = levels.join("/");
    const event = { device, tag, topic: name, timestamp: clock.now(), payload: Buffer.from(payload) };
    const { changes = [], messages = [] } = service.book(id === "" ? event : { ...event, id }) ?? {};
    await store.change(changes, messages);
    await settle();
  };
  const sell = async (...items: readonly unknown[]) => tell("pos/transaction", sale(...items));
  const count = async (sku: string, counted: number) => tell("handheld/count", { sku, counted });
  return { service, store, clock, shown, events, log, tell, sell, count };
}
