import { jetstream } from "@nats-io/jetstream";
import { beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { loadSite } from "../../src/config/load-site.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { balances, basket, openingCount, openTill, soldOf, storeFolder } from "./a-store.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** The store in this process, counted. */
async function openStore() {
  const folder = storeFolder();
  const { gateway } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const floor = await mqttClient(gateway.addresses.broker.mqtt);
  await floor.publish("store/goods/count", openingCount("C-1"));
  await vi.waitFor(async () => expect(await balances(nats)).toMatchObject({ "milk-1l": 60 }));
  return { folder, gateway, nats, floor, port: gateway.addresses.broker.mqtt.port };
}

const told = (...tills: ReturnType<typeof openTill>[]) =>
  vi.waitFor(() => expect(tills.filter(({ unacknowledged }) => unacknowledged > 0)).toEqual([]));

test("a balance is a reading like any other: retained on MQTT, in LATEST, uploaded and alerted on", async () => {
  const { gateway, nats, floor, port } = await openStore();
  const till = openTill("1", port);
  const order = floor.next("store/order/milk-1l");
  till.sell(basket({ "milk-1l": 40 }));
  expect(JSON.parse(await order)).toMatchObject({ article: "milk-1l" });
  const late = await mqttClient(gateway.addresses.broker.mqtt);
  const reading = { value: 20, quality: "good", unit: "pcs", sequence: 2 };
  expect(JSON.parse(await late.next("data/north/store-17/stock/milk-1l"))).toMatchObject(reading);
  expect(JSON.parse(await late.next("state/north/store-17/stock"))).toMatchObject({ state: "online" });
  const latest = await jetstream(nats).consumers.get("LATEST", {
    filter_subjects: "data.north.store-17.stock.milk-1l",
    deliver_policy: "last_per_subject",
  });
  expect((await latest.next())?.json()).toMatchObject(reading);
});

test("what is no sale is kept and told, and takes nothing; a person puts it right", async () => {
  const { nats, floor, port } = await openStore();
  const till = openTill("1", port);
  const refused = floor.next("event/north/store-17/stock/refused");
  till.sell(basket({ "milk-1l": 1, "no such name": 1 }));
  const { data } = JSON.parse(await refused) as { data: object };
  expect(data).toMatchObject({ tag: "pos/transaction", id: "1-000001", line: 2 });
  await told(till);
  expect(await balances(nats)).toMatchObject({ "milk-1l": 60 });
  const audited: object[] = [];
  nats.subscribe("audit.store-17-gw.ledger", { callback: (_, message) => void audited.push(message.json()) });
  const request = { ledger: "stock", article: "milk-1l", balance: 59, by: "anna", why: "sale 1-000001" };
  const reply = await nats.request("ledger.store-17-gw.correct", JSON.stringify(request));
  expect(reply.json()).toMatchObject({ ok: true, was: 60, balance: 59 });
  await vi.waitFor(() =>
    expect(audited).toMatchObject([{ action: "correct", by: "anna", was: 60, ok: true }]),
  );
});

test("a till that tells its night's sales after the morning's stocktaking: stored, and taken from nothing", async () => {
  const { nats, port } = await openStore();
  const anHourAgo = { ...systemClock, now: () => systemClock.now() - 3_600_000 };
  const [night, day] = [openTill("1", port, anHourAgo), openTill("2", port)];
  night.sell(basket({ "milk-1l": 5 }));
  await told(night);
  day.sell(basket({ "milk-1l": 1 }));
  await told(day);
  await vi.waitFor(async () => expect(await balances(nats)).toMatchObject({ "milk-1l": 59 }));
  const events = await jetstream(nats).consumers.get("EVENTS", {
    filter_subjects: "event.north.store-17.pos.transaction",
  });
  const stored = await events.fetch({ max_messages: 2, expires: 5_000 });
  const ids: unknown[] = [];
  for await (const message of stored) ids.push(message.json<{ data: { till: string } }>().data.till);
  expect(ids).toEqual(["1", "2"]);
});

test("an edited ledger.yaml and an edited device leave the balances as they are", async () => {
  const { folder, gateway, nats, port } = await openStore();
  const till = openTill("1", port);
  till.sell(basket({ croissant: 7 }));
  await told(till);
  const shipped = await loadSite(folder.dir);
  if (!shipped.ok) throw new TypeError(JSON.stringify(shipped.issues));
  const { ledgers, devices } = shipped.site;
  const edited = {
    ...shipped.site,
    ledgers: { ledgers: (ledgers?.ledgers ?? []).map((one) => ({ ...one, articles: 100 })) },
    devices: devices.map((one) => (one.device === "pos" ? { ...one, tags: one.tags.slice(0, -1) } : one)),
  };
  expect(await gateway.apply(edited)).toMatchObject({ restarted: ["pos"] });
  till.sell(basket({ croissant: 1 }));
  till.restart();
  await told(till);
  await vi.waitFor(async () =>
    expect(await balances(nats)).toMatchObject({ croissant: 100 - soldOf([till], "croissant") }),
  );
});

test("a ledger goes with its file and comes back with it, in doubt until somebody counts", async () => {
  const { folder, gateway, nats, floor } = await openStore();
  const shipped = await loadSite(folder.dir);
  if (!shipped.ok) throw new TypeError(JSON.stringify(shipped.issues));
  const { ledgers: _, ...without } = shipped.site;
  const latest = async () => {
    const request = JSON.stringify({ last_by_subj: "data.north.store-17.stock.milk-1l" });
    const reply = await nats.request("$JS.API.STREAM.MSG.GET.LATEST", request);
    const { message } = reply.json<{ message?: { data: string } }>();
    const said: unknown = message && JSON.parse(Buffer.from(message.data, "base64").toString());
    return said;
  };
  await vi.waitFor(async () => expect(await latest()).toMatchObject({ value: 60, quality: "good" }));
  await gateway.apply(without);
  await vi.waitFor(async () => expect(await latest()).toBeUndefined());
  expect(await balances(nats)).toEqual({});
  await gateway.apply(shipped.site);
  const doubted = { value: 60, quality: "uncertain", status: "NotCounted" };
  await vi.waitFor(async () => expect(await latest()).toMatchObject(doubted));
  await floor.publish("store/goods/count", openingCount("C-2"));
  await vi.waitFor(async () => expect(await latest()).toMatchObject({ value: 60, quality: "good" }));
});
