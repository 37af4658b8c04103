import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { linegate } from "../../src/cli/testing.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { spawnGateway, type GatewayProcess } from "../fixture/gateway-process.ts";
import { hubConfigOfDocs, hubPasswords, HubServer, hubUser } from "../fixture/hub.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { SiteFolder } from "../fixture/site-folder.ts";
import { TcpProxy } from "../fixture/tcp-proxy.ts";
import { balances, basket, openingCount, openTill, soldOf, storeFolder } from "./a-store.ts";

/** Two processes come up, and a hub is found again. */
const patience = { timeout: 60_000, interval: 100 };

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** The accounts of docs/hub.md, for the store in place of the line. */
const accounts = hubConfigOfDocs("accounts.conf")
  .replaceAll("line1-gw", "store-17-gw")
  .replaceAll("plant1.stamping.line1", "north.store-17");

async function asFleet(...args: readonly string[]) {
  const folder = new SiteFolder({
    "fleet.yaml": "gateways: [store-17-gw]\n",
    password: hubPasswords.FLEET_PASSWORD,
  });
  const named = args.map((one) => one.replace("FLEET", `${folder.dir}/fleet.yaml`));
  return linegate(...named, "--json", "--user", "fleet", "--password", `file:${folder.dir}/password`);
}

/** The identities of the sales that the hub has, in its order. */
async function salesAt(hub: NatsConnection): Promise<string[]> {
  const consumer = await jetstream(hub).consumers.get("EVENTS");
  const { num_pending: waiting } = await consumer.info();
  const ids: string[] = [];
  if (waiting === 0) return ids;
  for await (const message of await consumer.consume()) {
    if (message.subject === "event.north.store-17.pos.transaction") {
      const { data } = message.json<{ data: { transactionId?: string } | string }>();
      ids.push(typeof data === "string" ? data : (data.transactionId ?? ""));
    }
    if (message.info.pending === 0) break;
  }
  return ids;
}

test("a store sells on without the outside network and through a kill; the hub has each sale once, the stock is exact", async () => {
  const hub = await HubServer.prepare("hub-1");
  await hub.start("hub.conf", [hub], { accounts });
  const folder = storeFolder(hub.line.port);
  let gateway: GatewayProcess = await spawnGateway(folder.dir);
  const url = `nats://127.0.0.1:${hub.ports.clients}`;
  await expect
    .poll(async () => (await asFleet("hub", "apply", "FLEET", "--url", url)).code, patience)
    .toBe(0);
  // The tills know one address, whatever port a restarted gateway has.
  const counter = await TcpProxy.start(() => gateway.addresses.broker.mqtt.port);
  const tills = [openTill("1", counter.port), openTill("2", counter.port)] as const;
  const [first, second] = tills;

  // In the morning, with the hub linked
  const floor = await mqttClient(gateway.addresses.broker.mqtt);
  await floor.publish("store/goods/count", openingCount("C-1"));
  await floor.publish("store/sign/1/showing", "welcome");
  for (let sale = 0; sale < 10; sale += 1)
    tills[sale % 2 === 0 ? 0 : 1].sell(basket({ "milk-1l": 1, croissant: 2 }));
  await vi.waitFor(() => expect(first.unacknowledged + second.unacknowledged).toBe(0), patience);
  const cloud = await hubUser([hub], "cloud");
  await expect.poll(async () => (await salesAt(cloud)).length, patience).toBe(10);

  // The outside network is gone: the shelf is to be filled, the sign switched, with nobody's help.
  hub.line.cut();
  const restock = floor.next("store/restock/milk-1l");
  const promotion = floor.next("store/sign/1/show");
  await floor.publish("store/shelf/1/stock", JSON.stringify({ sku: "milk-1l", units: 4 }));
  await floor.publish("store/camera/traffic", JSON.stringify({ in: 90, out: 60, now: 30 }));
  expect(JSON.parse(await restock)).toMatchObject({ shelf: "1", article: "milk-1l" });
  expect(await promotion).toBe("croissants-30-percent");
  await floor.publish("store/sign/1/showing", "croissants-30-percent");
  const alert = await mqttClient(gateway.addresses.broker.mqtt);
  expect(JSON.parse(await alert.next("alert/north/store-17/restock-milk-1l"))).toMatchObject({
    raised: true,
  });

  // Everything at once: an acknowledgement missed, a cable pulled, the gateway killed while both tills sell, garbage.
  first.missNextAcknowledgement();
  second.goOffline();
  for (let sale = 0; sale < 20; sale += 1) {
    first.sell(basket({ "milk-1l": 1, "coffee-500g": sale % 4 === 0 ? 1 : 0 }));
    second.sell(basket({ croissant: 1 }));
    if (sale === 10) gateway.kill("SIGKILL");
    // Customers come one after the other: the kill falls between them.
    await systemClock.sleep(5);
  }
  first.sell(basket({ "milk-1l": -2 }));
  await gateway.ended;
  gateway = await spawnGateway(folder.dir);
  second.comeBack();
  await vi.waitFor(() => expect(first.unacknowledged + second.unacknowledged).toBe(0), patience);
  await second.sendGarbage('{"transactionId":"2-garbage","items":[{"quantity":1}]}');
  first.restart();
  await vi.waitFor(() => expect(first.unacknowledged).toBe(0), patience);

  const inside = await natsClient(gateway.addresses.nats);
  const stock = () => ({
    "milk-1l": 60 - soldOf(tills, "milk-1l"),
    croissant: 100 - soldOf(tills, "croissant"),
    "coffee-500g": 30 - soldOf(tills, "coffee-500g"),
  });
  await expect.poll(() => balances(inside)).toEqual(stock());

  // The network is back, and the store sells on.
  hub.line.mend();
  for (let sale = 0; sale < 10; sale += 1) tills[sale % 2 === 0 ? 0 : 1].sell(basket({ "coffee-500g": 1 }));
  const sold = tills.flatMap(({ journal }) => journal.map(({ sale }) => sale.transactionId));
  await expect.poll(async () => (await salesAt(cloud)).length, patience).toBe(sold.length + 1);
  const arrived = await salesAt(cloud);
  expect(arrived.toSorted()).toEqual([...sold, "2-garbage"].sort());
  for (const { journal } of tills) {
    const own = journal.map(({ sale }) => sale.transactionId);
    expect(arrived.filter((id) => own.includes(id))).toEqual(own);
  }
  await expect.poll(() => balances(inside)).toEqual(stock());
  await expect.poll(async () => (await asFleet("verify", "--hub", url)).code, patience).toBe(0);
}, 240_000);
