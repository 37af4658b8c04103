import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { client, startBroker } from "../../src/broker/testing.ts";
import { loadSite } from "../../src/config/load-site.ts";
import { simulateSite } from "../site/simulate-site.ts";
import { readArguments } from "./arguments.ts";
import { StoreSimulator } from "./store-simulator.ts";

async function retail() {
  const loaded = await loadSite(join(import.meta.dirname, "../../mappings/retail"));
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues));
  return loaded.site;
}

/** A broker, and every message on it by topic. */
async function listening() {
  const { port } = await startBroker();
  const heard = new Map<string, unknown[]>();
  const listener = await client(port);
  listener.on("message", (topic, payload, { qos }) => {
    const text = payload.toString();
    const said: unknown = text.startsWith("{") ? { qos, ...(JSON.parse(text) as object) } : text;
    heard.set(topic, [...(heard.get(topic) ?? []), said]);
  });
  await listener.subscribeAsync("store/#", { qos: 1 });
  return { broker: `mqtt://127.0.0.1:${port}`, heard, listener };
}

test("simulate makes a store out of mappings/retail: counted first, then sold, with a sign that obeys", async () => {
  const { broker, heard, listener } = await listening();
  const simulation = await simulateSite(await retail(), { speed: 20 });
  onTestFinished(() => simulation.stop());
  simulation.dialIn({ broker, period: 50 });
  await vi.waitFor(() => expect(heard.get("store/pos/transaction")?.length).toBeGreaterThan(3));
  expect(heard.get("store/goods/count")).toHaveLength(1);
  const [sale] = heard.get("store/pos/transaction") ?? [];
  expect(sale).toMatchObject({
    qos: 1,
    transactionId: expect.any(String),
    items: [
      expect.objectContaining({ quantity: expect.any(Number) }),
      ...(sale as { items: unknown[] }).items.slice(1),
    ],
  });
  const ids = heard
    .get("store/pos/transaction")
    ?.map((one) => (one as { transactionId: string }).transactionId);
  expect(new Set(ids).size).toBe(ids?.length);
  expect(heard.get("store/shelf/1/stock")?.[0]).toMatchObject({ sku: "milk-1l", units: 24 });
  expect(heard.get("store/camera/traffic")?.at(-1)).toMatchObject({ in: expect.any(Number), qos: 0 });
  await listener.publishAsync("store/sign/1/show", "croissants", { qos: 1 });
  await vi.waitFor(() => expect(heard.get("store/sign/1/showing")?.at(-1)).toBe("croissants"));
});

test("the store's two tills tell each sale once where nothing goes wrong", async () => {
  const { broker, heard } = await listening();
  const store = new StoreSimulator(await retail(), { broker, speed: 20, period: 50 });
  onTestFinished(() => store.stop());
  await store.start();
  await vi.waitFor(() => expect(store.tills.every(({ journal }) => journal.length > 2)).toBe(true));
  await store.stop();
  const sold = store.tills.flatMap(({ journal }) => journal.filter((entry) => entry.acknowledged));
  await vi.waitFor(() =>
    expect(heard.get("store/pos/transaction")?.length).toBeGreaterThanOrEqual(sold.length),
  );
  expect(new Set(sold.map(({ sale }) => sale.transactionId)).size).toBe(sold.length);
});

test("faults are asked for by name and time, and nothing else is taken", () => {
  expect(readArguments(["--fault", "till-offline@10s", "--seed", "7"])).toMatchObject({
    faults: [{ fault: "till-offline", at: 10_000 }],
    seed: 7,
  });
  expect(() => readArguments(["--fault", "till-on-fire"])).toThrow("--help");
  expect(() => readArguments(["--speed", "fast"])).toThrow("a number");
  expect(() => readArguments(["--shop"])).toThrow("--shop");
});
