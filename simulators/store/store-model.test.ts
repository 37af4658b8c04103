import { join } from "node:path";
import { expect, test } from "vitest";
import type { MqttDeviceMapping } from "../../adapters/mqtt/mapping.ts";
import { loadSite } from "../../src/config/load-site.ts";
import { seededRandom } from "../line/random.ts";
import { SimulatedMqttDevice } from "../mqtt/mqtt-device.ts";
import { StoreModel } from "./store-model.ts";
import { articles, newStore, stockOf } from "./store.ts";

interface Told {
  readonly items: readonly { readonly sku: string; readonly quantity: number }[];
}

/** The devices of mappings/retail under the model, with what they say. */
async function retail() {
  const loaded = await loadSite(join(import.meta.dirname, "../../mappings/retail"));
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues));
  const devices = loaded.site.devices.map((mapping) => new SimulatedMqttDevice(mapping as MqttDeviceMapping));
  const model = new StoreModel(devices, seededRandom(1), () => 0);
  const said = (topic: string) =>
    devices.flatMap((device) => device.messages(0)).filter((message) => message.topic === topic);
  return { model, said };
}

test("the store opens when it has told its stocktaking, and not before", async () => {
  const { model, said } = await retail();
  model.step(60);
  expect(model.takeSales()).toEqual([]);
  expect(said("store/goods/count")).toHaveLength(1);
  expect(said("store/goods/count")).toHaveLength(0);
  model.step(1);
  expect(model.store).toEqual(newStore);
  model.step(60);
  expect(model.takeSales().length).toBeGreaterThan(10);
});

test("what was counted and delivered less what was sold is what lies in the store", async () => {
  const { model, said } = await retail();
  said("store/goods/count");
  const delivered: Told["items"][number][] = [];
  const sold: Told["items"][number][] = [];
  for (let minute = 0; minute < 10; minute += 1) {
    model.step(60);
    sold.push(...model.takeSales().flat());
    for (const { payload } of said("store/goods/delivery"))
      delivered.push(...(JSON.parse(payload) as Told).items);
  }
  while (delivered.length < 100) {
    const [message] = said("store/goods/delivery");
    if (message === undefined) break;
    delivered.push(...(JSON.parse(message.payload) as Told).items);
  }
  const sum = (lines: Told["items"], sku: string) =>
    lines.reduce((total, line) => total + (line.sku === sku ? line.quantity : 0), 0);
  expect(delivered.length).toBeGreaterThan(0);
  for (const { sku } of articles)
    expect(stockOf(model.store, sku)).toBe(stockOf(newStore, sku) + sum(delivered, sku) - sum(sold, sku));
});

test("a site that is no store has no model of one", async () => {
  const { model } = await retail();
  expect(model.devices).toEqual(["entrance", "handhelds", "pos", "shelves", "sign-1"]);
  expect(new StoreModel([], seededRandom(1), () => 0).devices).toEqual([]);
});
