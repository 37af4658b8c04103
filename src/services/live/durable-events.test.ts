import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { connectAsync, type MqttClient } from "mqtt";
import { expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../adapter-kit/clock.ts";
import type { DeviceMapping, DurableTopic } from "../../adapter-kit/mapping.ts";
import { client, closed, forgetfulStore, startBroker } from "../../broker/testing.ts";
import { SeenIdentities } from "../../store/seen-identities.ts";
import { stateFile } from "../../store/sqlite-state-store.ts";
import type { OutgoingMessage, StateChange, Stored } from "../../store/state-store.ts";
import { testStore } from "../../store/testing.ts";
import { DurableEvents } from "./durable-events.ts";

/** A store whose commits wait until the test lets them go. */
class HeldStore {
  readonly changes: StateChange[] = [];
  readonly messages: OutgoingMessage[] = [];
  room = true;
  says: Stored = "stored";
  holds = false;
  readonly outbox = { hasRoom: () => this.room };
  #waiting: (() => void)[] = [];

  change(changes: readonly StateChange[], messages: readonly OutgoingMessage[] = []): Promise<Stored> {
    this.changes.push(...changes);
    this.messages.push(...messages);
    return new Promise((resolve) => {
      const answer = () => resolve(this.says);
      if (this.holds) this.#waiting.push(answer);
      else answer();
    });
  }

  release(): void {
    this.holds = false;
    for (const answer of this.#waiting.splice(0)) answer();
  }

  get events(): string[] {
    return this.messages.map(({ subject, payload }) => `${subject} ${payload.toString()}`);
  }
}

function deviceOf(tags: Readonly<Record<string, DurableTopic>>): DeviceMapping {
  return {
    device: "till",
    adapter: "mqtt",
    connection: {},
    options: {},
    tags: Object.entries(tags).map(([name, durable]) => ({
      name,
      options: {},
      value: { kind: "json" },
      scale: 1,
      offset: 0,
      durable,
    })),
  };
}

async function setUp(
  tags: Readonly<Record<string, DurableTopic>> = { sale: { filter: "store/sale", id: "/id" } },
) {
  let at = 1_000;
  const clock = {
    now: () => at,
    monotonic: () => at,
    sleep: async (ms: number) => {
      at += ms;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
  const store = new HeldStore();
  const { broker, port, log } = await startBroker({ store: forgetfulStore() });
  const seen = new SeenIdentities(() => at);
  const durable = new DurableEvents({ site: "plant1", broker, store, seen, clock, log });
  durable.use([deviceOf(tags)]);
  onTestFinished(() => durable.stop());
  return { broker, port, log, store, durable };
}

/** What came of a publish so far. */
function publish(device: MqttClient, qos: 0 | 1 | 2, payload: string, topic = "store/sale") {
  const outcome = { is: "open" };
  device.publishAsync(topic, payload, { qos }).then(
    () => (outcome.is = "acknowledged"),
    () => (outcome.is = "given up"),
  );
  return outcome;
}

test.each([1, 2] as const)(
  "at QoS %d a device hears nothing before the commit, and all of its messages share it",
  async (qos) => {
    const { broker, port, store, durable } = await setUp();
    const live: string[] = [];
    broker.subscribe("store/sale", ({ payload }) => live.push(payload.toString()));
    const device = await client(port);
    store.holds = true;
    const outcomes = ['{"id":1}', '{"id":2}'].map((payload) => publish(device, qos, payload));
    await vi.waitFor(() => expect(store.events).toHaveLength(2));
    expect(live).toEqual(['{"id":1}', '{"id":2}']);
    // A message that needs no commit shows that the line is open.
    await (await client(port)).publishAsync("other", "x", { qos });
    expect(outcomes.map(({ is }) => is)).toEqual(["open", "open"]);
    store.release();
    await vi.waitFor(() => expect(outcomes.map(({ is }) => is)).toEqual(["acknowledged", "acknowledged"]));
    expect(store.events[0]).toBe('event.plant1.till.sale {"timestamp":1000,"data":{"id":1}}');
    expect(durable.counters).toMatchObject({ stored: 2, repeated: 0 });
  },
);

test("an identity that comes again waits for the commit of the first, and is stored once; a QoS 0 one is told once", async () => {
  const { port, store, durable, log } = await setUp();
  const [one, other] = [await client(port), await client(port)];
  store.holds = true;
  const first = publish(one, 1, '{"id":"a","n":1}');
  await vi.waitFor(() => expect(store.events).toHaveLength(1));
  const again = publish(other, 1, '{"id":"a","n":1}');
  await vi.waitFor(() => expect(durable.counters.repeated).toBe(1));
  expect([first.is, again.is]).toEqual(["open", "open"]);
  store.release();
  await vi.waitFor(() => expect([first.is, again.is]).toEqual(["acknowledged", "acknowledged"]));
  for (const id of ["a", "b", "c"])
    await one.publishAsync("store/sale", JSON.stringify({ id, n: 1 }), { qos: 0 });
  await vi.waitFor(() => expect(durable.counters).toMatchObject({ unsure: 3, repeated: 2 }));
  expect(store.events).toHaveLength(3);
  expect(log.warn).toHaveBeenCalledOnce();
});

test("an identity that comes again with other content is no copy: it is stored as a conflict, once, told, and no service takes it", async () => {
  const { port, store, durable, log } = await setUp();
  const heard = vi.fn<() => undefined>();
  durable.onDurable(heard);
  const device = await client(port);
  const sale = (n: number) => device.publishAsync("store/sale", `{"id":"a","n":${n}}`, { qos: 1 });
  for (const n of [1, 2, 1, 2, 3]) await sale(n);
  expect(store.events).toEqual([
    'event.plant1.till.sale {"timestamp":1000,"data":{"id":"a","n":1}}',
    'event.plant1.till.sale.conflict {"timestamp":1000,"data":{"id":"a","n":2}}',
    'event.plant1.till.sale.conflict {"timestamp":1000,"data":{"id":"a","n":3}}',
  ]);
  expect(durable.counters).toMatchObject({ stored: 3, repeated: 2, conflicting: 2 });
  expect(heard).toHaveBeenCalledOnce();
  expect(log.warn).toHaveBeenCalledOnce();
});

test("what a service adds is in the same call of the store, once for each identity, and one that fails harms nothing", async () => {
  const { port, store, durable, log } = await setUp();
  durable.onDurable(({ id, payload }) => ({
    changes: [{ scope: "stock", key: id ?? "", value: payload.toString() }],
    messages: [{ stream: "EVENTS", subject: "event.stock", payload: "-1" }],
  }));
  const broken = durable.onDurable(() => {
    throw new TypeError("broken");
  });
  const device = await client(port);
  for (const id of [1, 2, 1]) await device.publishAsync("store/sale", JSON.stringify({ id }), { qos: 1 });
  expect(store.changes).toEqual(
    [1, 2].map((id) => ({ scope: "stock", key: `${id}`, value: `{"id":${id}}` })),
  );
  expect(store.messages.map(({ subject }) => subject)).toEqual(
    [1, 2].flatMap(() => ["event.plant1.till.sale", "event.stock"]),
  );
  expect(store.messages.every(({ whenStored }) => whenStored)).toBe(true);
  expect(log.error).toHaveBeenCalledTimes(2);
  broken();
});

test("while the disk refuses nothing more is taken in and nobody is answered; the connection ends after a while", async () => {
  const { port, store, durable, log } = await setUp();
  const device = await client(port);
  store.says = "kept";
  const outcome = publish(device, 1, '{"id":1}');
  await closed(device);
  expect(outcome.is).not.toBe("acknowledged");
  const again = await client(port);
  const late = publish(again, 1, '{"id":2}');
  await closed(again);
  expect(late.is).not.toBe("acknowledged");
  expect(store.events).toHaveLength(1);
  expect(durable.counters.refused.disk).toBe(2);
  expect(log.warn).toHaveBeenCalledOnce();
  store.says = "stored";
  const well = await client(port);
  for (const id of [1, 2]) await well.publishAsync("store/sale", JSON.stringify({ id }), { qos: 2 });
  expect(store.events).toHaveLength(2);
  expect(durable.counters).toMatchObject({ stored: 1, repeated: 1 });
});

test.each<[string, keyof DurableEvents["counters"]["refused"], (store: HeldStore) => string]>([
  ["the outbox is full", "outboxFull", (store) => ((store.room = false), '{"id":1}')],
  ["it is larger than NATS takes", "tooLarge", () => '"'.repeat(600_000)],
])("where %s a message is not acknowledged", async (_, reason, spoil) => {
  const { port, store, durable } = await setUp();
  const device = await client(port);
  const gone = closed(device);
  const outcome = publish(device, 1, spoil(store));
  await gone;
  expect(outcome.is).not.toBe("acknowledged");
  expect(durable.counters.refused[reason]).toBe(1);
  expect(store.events).toEqual([]);
});

test("a topic that is durable no more, or that a stop ends, is not taken", async () => {
  const { port, store, durable } = await setUp();
  const device = await client(port);
  durable.use([]);
  await device.publishAsync("store/sale", '{"id":1}', { qos: 1 });
  expect(store.events).toEqual([]);
  durable.use([deviceOf({ sale: { filter: "store/sale" } })]);
  durable.stop();
  const gone = closed(device);
  const outcome = publish(device, 1, '{"id":1}');
  await gone;
  expect(outcome.is).not.toBe("acknowledged");
  expect(durable.counters.refused.stopping).toBe(1);
});

test("a payload stands in the event as it came, under the name that its wildcards give", async () => {
  const { port, store } = await setUp({ "note/{1}": { filter: "note/+", id: "/id" } });
  const device = await client(port);
  const send = (topic: string, payload: string | Buffer) => device.publishAsync(topic, payload, { qos: 1 });
  await send("note/a", '{ "id": 9007199254740993, "sum": 1.10 }');
  await send("note/a", '{ "id": 9007199254740993, "sum": 1.10 }');
  await send("note/b", 'no JSON "at all"');
  await send("note/c d", Buffer.from([0xff, 0x00]));
  expect(store.events.map((text) => text.replace('"timestamp":1000,', ""))).toEqual([
    'event.plant1.till.note.a {"data":{ "id": 9007199254740993, "sum": 1.10 }}',
    'event.plant1.till.note.a {"data":{ "id": 9007199254740993, "sum": 1.10 }}',
    'event.plant1.till.note.b {"data":"no JSON \\"at all\\""}',
    'event.plant1.till.note.c_d {"topic":"note/c d","data":"/wA=","encoding":"base64"}',
  ]);
});

test("a disk that refuses for a moment: the device waits, and what it sent meanwhile is stored once, and on disk when it is acknowledged", async () => {
  const dir = await mkdtemp(join(tmpdir(), "linegate-durable-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const store = testStore(dir);
  const seen = new SeenIdentities(() => 0);
  store.join(seen);
  const { broker, log } = await startBroker({
    store,
    starts: false,
    config: { websocket: { listen: { host: "127.0.0.1", port: 0 } } },
  });
  store.open();
  await broker.start();
  const durable = new DurableEvents({ site: "plant1", broker, store, seen, clock: systemClock, log });
  onTestFinished(() => durable.stop());
  durable.use([deviceOf({ sale: { filter: "store/sale", id: "/id" } })]);
  const device = await connectAsync(`ws://127.0.0.1:${broker.addresses.ws?.port}`, { reconnectPeriod: 0 });
  onTestFinished(() => device.endAsync(true));
  const disk = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => disk.close());
  disk.exec("BEGIN IMMEDIATE");
  const first = publish(device, 1, '{"id":1}');
  const second = publish(await client(broker.addresses.mqtt.port), 2, '{"id":2}');
  await expect.poll(() => store.outbox.backlog("EVENTS").rows).toBeGreaterThan(0);
  expect([first.is, second.is]).toEqual(["open", "open"]);
  disk.exec("ROLLBACK");
  await expect.poll(() => [first.is, second.is]).toEqual(["acknowledged", "acknowledged"]);
  expect(disk.prepare("SELECT subject FROM outbox").all()).toHaveLength(2);
  expect(durable.counters).toMatchObject({ stored: 2, refused: { disk: 0 } });
});
