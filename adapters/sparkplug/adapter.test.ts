import { expect, test, vi } from "vitest";
import { BusRegistry } from "../../src/adapter-kit/bus.ts";
import { client } from "../../src/broker/testing.ts";
import { sparkplugAdapter } from "./adapter.ts";
import { encodedByOthers } from "./proto-fixture.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { runOn, startNode } from "./testing.ts";

const pressTags = {
  pressure: { metric: "Pressure" },
  setpoint: { metric: "Setpoint", type: "int32" as const, write: {} },
};

/** The press running, its birth certificate read. */
async function bornPress(connection = {}) {
  const started = await startNode();
  const { context, adapter, end } = await runOn(started.broker, deviceOf(pressTags, connection));
  started.start();
  await vi.waitFor(() => expect(context.goodTags()).toHaveLength(2));
  return { ...started, context, adapter, end };
}

test("a birth certificate gives names and types, and data by alias the values and their times", async () => {
  const { context, node } = await bornPress();
  expect(context.latest.get("pressure")).toMatchObject({ value: 182.4, quality: "good" });
  context.clear();
  node.set("press", "Pressure", 190);
  await vi.waitFor(() => expect(context.latest.get("pressure")?.value).toBe(190));
  expect([...context.latest.keys()]).toEqual(["pressure"]);
  expect(context.latest.get("pressure")?.sourceTimestamp).toBeGreaterThan(Date.now() - 10_000);
  expect(context.faults).toEqual(new Map());
});

test("a node that was there before the gateway is asked for its birth certificate, once for all its devices", async () => {
  const { broker, node, start } = await startNode();
  const births: string[] = [];
  const unheard = broker.subscribe(
    "spBv1.0/plant/DBIRTH/edge-1/pump",
    ({ topic }) => void births.push(topic),
  );
  start();
  await vi.waitFor(() => expect(births).toHaveLength(1));
  unheard();
  const buses = new BusRegistry();
  const wide = { rebirth: "1m" };
  const press = await runOn(broker, deviceOf(pressTags, wide), buses);
  const pump = await runOn(
    broker,
    deviceOf({ flow: { metric: "Flow" } }, { ...wide, device: "pump" }),
    buses,
  );
  const itself = await runOn(
    broker,
    deviceOf({ up: { metric: "Uptime" } }, { ...wide, device: undefined }),
    buses,
  );
  await vi.waitFor(() => {
    expect(press.context.goodTags()).toHaveLength(2);
    expect(pump.context.latest.get("flow")?.value).toBe(12.5);
    expect(itself.context.latest.get("up")?.value).toBe(7);
  });
  expect(node.rebirthRequests).toBe(1);
});

test("a metric that is not there, of another type, null, or of bad quality is bad alone", async () => {
  const { broker, start, node } = await startNode((node) => node.define("press", "Empty", "string"));
  const tags = {
    ...pressTags,
    missing: { metric: "Missing" },
    wrong: { metric: "Pressure", type: "int16" as const },
    empty: { metric: "Empty" },
  };
  const { context } = await runOn(broker, deviceOf(tags));
  start();
  await vi.waitFor(() => expect(context.latest.size).toBe(5));
  const statuses = () =>
    Object.fromEntries([...context.latest].map(([tag, { status, quality }]) => [tag, status ?? quality]));
  expect(statuses()).toEqual({
    pressure: "good",
    setpoint: "good",
    missing: "NoSuchMetric",
    wrong: "WrongType",
    empty: "NullValue",
  });
  const metric = { name: "Pressure", type: "float64", value: 1 } as const;
  const seen: unknown[] = [];
  for (const quality of [0, 500, 64, 192, 216]) {
    context.clear();
    node.sendData("press", [{ ...metric, timestamp: Date.now(), quality }]);
    await vi.waitFor(() => expect(context.latest.has("pressure")).toBe(true));
    const { status, value } = context.latest.get("pressure") ?? {};
    seen.push([quality, status, value]);
  }
  expect(seen).toEqual([
    [0, "QualityBad", null],
    [500, "QualityStale", 1],
    [64, "QualityUncertain", 1],
    [192, undefined, 1],
    [216, undefined, 1],
  ]);
});

test("a sequence gap makes what is known uncertain, and the rebirth that is asked for makes it good", async () => {
  const { context, node } = await bornPress();
  node.ignoresRebirths = true;
  const asked = node.rebirthRequests;
  node.skipSequence();
  node.set("press", "Pressure", 5);
  await vi.waitFor(() => expect(context.latest.get("pressure")).toMatchObject({ value: 5, quality: "good" }));
  expect(context.latest.get("setpoint")).toMatchObject({
    value: 100,
    quality: "uncertain",
    status: "SequenceGap",
  });
  await vi.waitFor(() => expect(node.rebirthRequests).toBeGreaterThan(asked));
  expect(context.faults.get("sequence-gap")).toBe(1);
  node.rebirth();
  await vi.waitFor(() => expect(context.goodTags()).toHaveLength(2));
});

test("messages that change places on the way cost nothing", async () => {
  const { context, node } = await bornPress({ reorder: "5s" });
  const asked = node.rebirthRequests;
  context.clear();
  node.swapNext();
  const data = (value: number) =>
    node.sendData("press", [{ name: "Pressure", timestamp: Date.now(), type: "float64", value }]);
  for (const value of [1, 2, 3]) data(value);
  await vi.waitFor(() => expect(context.batches).toHaveLength(3));
  expect(context.batches.flat().map(({ value }) => value)).toEqual([1, 2, 3]);
  expect(node.rebirthRequests).toBe(asked);
});

test("unknown aliases ask for a rebirth, but never more often than the node can bear", async () => {
  const { context, node } = await bornPress({ rebirth: "1m" });
  const asked = node.rebirthRequests;
  for (let time = 0; time < 20; time += 1) node.sendUnknownAlias("press");
  await vi.waitFor(() => expect(context.faults.get("unknown-metric")).toBe(20));
  expect(node.rebirthRequests).toBe(asked);
});

test("the death of the node, and of the device, loses the device; an old session's death does not", async () => {
  const { context, node } = await bornPress();
  node.sendStaleDeath();
  await vi.waitFor(() => expect(context.faults.get("stale-death")).toBe(1));
  expect(context.losses).toEqual([]);
  node.loseDevice("press");
  await vi.waitFor(() => expect(context.losses.at(-1)?.message).toContain("DDEATH"));
  context.clear();
  node.returnDevice("press");
  await vi.waitFor(() => expect(context.goodTags()).toHaveLength(2));
  node.cut(100);
  await vi.waitFor(() => expect(context.losses.at(-1)?.message).toContain("NDEATH"));
  context.clear();
  await vi.waitFor(() => expect(context.goodTags()).toHaveLength(2));
});

test("a device that its node no longer gives birth to is lost", async () => {
  const { context, node } = await bornPress();
  node.loseDevice("press");
  await vi.waitFor(() => expect(context.losses).toHaveLength(1));
  node.rebirth();
  await vi.waitFor(() => expect(context.losses.at(-1)?.message).toContain("there is no DBIRTH of press"));
});

test("a retained birth is the last known value and no sign of life, and asks for a new one", async () => {
  const { broker, port } = await startNode();
  const asked = vi.fn<() => void>();
  broker.subscribe("spBv1.0/plant/NCMD/edge-1", asked);
  const node = await client(port);
  const birth = encodedByOthers({
    timestamp: Date.now(),
    seq: 1,
    metrics: [{ name: "Pressure", datatype: 10, double_value: 3 }],
  });
  await node.publishAsync("spBv1.0/plant/DBIRTH/edge-1/press", birth, { retain: true, qos: 1 });
  await vi.waitFor(() => expect(broker.counters.retainedMessages).toBe(1));
  const { context } = await runOn(broker, deviceOf(pressTags));
  await vi.waitFor(() =>
    expect(context.latest.get("pressure")).toMatchObject({
      value: 3,
      quality: "uncertain",
      status: "Retained",
      noSignOfLife: true,
    }),
  );
  expect(asked).toHaveBeenCalled();
});

test("data before a birth is bad, no sign of life, and asks for one", async () => {
  const { node, start, broker } = await startNode();
  node.ignoresRebirths = true;
  start();
  await vi.waitFor(() => expect(node.connected).toBe(true));
  const { context } = await runOn(broker, deviceOf(pressTags));
  await vi.waitFor(() => {
    node.sendUnknownAlias("press");
    expect(context.latest.get("pressure")).toMatchObject({ status: "NoBirth", noSignOfLife: true });
  });
  expect(context.faults.get("data-before-birth")).toBeGreaterThan(0);
});

test("historical values become one event and never the present", async () => {
  const { context, node } = await bornPress();
  context.clear();
  const old = { name: "Pressure", type: "float64", historical: true } as const;
  const at = Date.now() - 60_000;
  node.sendData("press", [
    { ...old, timestamp: at, value: 1 },
    { ...old, timestamp: at + 1, value: 2 },
    { name: "Pressure", type: "float64", timestamp: Date.now(), value: 3 },
  ]);
  await vi.waitFor(() => expect(context.latest.get("pressure")?.value).toBe(3));
  expect(context.batches.flat()).toHaveLength(1);
  expect(context.events).toEqual([
    {
      name: "historical",
      data: {
        values: [
          { tag: "pressure", value: 1, quality: "good", timestamp: at },
          { tag: "pressure", value: 2, quality: "good", timestamp: at + 1 },
        ],
      },
    },
  ]);
});

test("the gateway is the primary host: online while it runs, offline when it ends, and put right by nobody else", async () => {
  const { broker, port } = await startNode();
  const said: { readonly online: boolean; readonly timestamp: number }[] = [];
  broker.subscribe("spBv1.0/STATE/line-1", ({ payload }) => said.push(JSON.parse(payload.toString())));
  const device = deviceOf(pressTags, { hostId: "line-1" });
  const { end } = await runOn(broker, device, new BusRegistry(), "line1-gw");
  const liar = await client(port);
  const later = Date.now() + 60_000;
  await liar.publishAsync("spBv1.0/STATE/line-1", JSON.stringify({ online: false, timestamp: later }), {
    qos: 1,
  });
  await vi.waitFor(() => expect(said.map(({ online }) => online)).toEqual([true, false, true]));
  // Nodes take no state that is older than what they heard last.
  expect(said[2]?.timestamp).toBeGreaterThan(later);
  await end();
  expect(said.at(-1)?.online).toBe(false);
  const late = await client(port);
  const retained = new Promise((resolve) => {
    late.on("message", (_topic, payload) => resolve(JSON.parse(payload.toString())));
  });
  await late.subscribeAsync("spBv1.0/STATE/line-1");
  expect(await retained).toEqual({ online: false, timestamp: expect.any(Number) });
});

test("a command that looks at a device is no host, and says nothing of the gateway's state", async () => {
  const { broker, start } = await startNode();
  const said: string[] = [];
  broker.subscribe("spBv1.0/STATE/#", ({ topic }) => said.push(topic));
  const { end, context } = await runOn(broker, deviceOf(pressTags, { hostId: "line-1" }));
  start();
  await vi.waitFor(() => expect(context.goodTags()).toHaveLength(2));
  await end();
  expect(said).toEqual([]);
});

test("data that comes twice, or after newer data, is dropped and counted", async () => {
  const { broker, context, node, port } = await bornPress();
  const sent: Buffer[] = [];
  broker.subscribe("spBv1.0/plant/DDATA/edge-1/press", ({ payload }) => void sent.push(payload));
  const shown = async (value: number) => {
    node.set("press", "Pressure", value);
    await vi.waitFor(() => expect(context.latest.get("pressure")?.value).toBe(value));
  };
  await shown(190);
  await shown(200);
  const echo = await client(port);
  const [first = Buffer.alloc(0)] = sent;
  await echo.publishAsync("spBv1.0/plant/DDATA/edge-1/press", first, { qos: 1 });
  await vi.waitFor(() => expect(context.faults.get("late-sequence")).toBe(1));
  expect(context.latest.get("pressure")?.value).toBe(200);
  await shown(210);
  expect(context.faults.get("sequence-gap")).toBeUndefined();
});

test("without a host id the gateway is the primary host under its own name, and two of them are two", async () => {
  const { broker } = await startNode();
  const hosts: string[] = [];
  broker.subscribe("spBv1.0/STATE/#", ({ topic, payload }) => {
    const { online } = JSON.parse(payload.toString()) as { online: boolean };
    hosts.push(`${topic.split("/").at(-1)} ${online}`);
  });
  const first = await runOn(broker, deviceOf(pressTags), new BusRegistry(), "line1-gw");
  await runOn(broker, deviceOf(pressTags), new BusRegistry(), "line2-gw");
  await first.end();
  expect(hosts).toEqual(["line1-gw true", "line2-gw true", "line1-gw false"]);
});

test("hostile births and payloads cost nobody else anything", async () => {
  const { context, port, node } = await bornPress();
  const hostile = await client(port);
  const metrics = Array.from({ length: 20_001 }, (_, index) => ({ name: `m${index}`, datatype: 3 }));
  const births = [
    encodedByOthers({ metrics }),
    encodedByOthers({
      metrics: [
        { name: "a", alias: 1 },
        { name: "b", alias: 1 },
      ],
    }),
    Buffer.alloc(500_000, 0xff),
  ];
  for (const birth of births)
    await hostile.publishAsync("spBv1.0/plant/DBIRTH/edge-1/press", birth, { qos: 1 });
  await vi.waitFor(() => expect(context.faults.get("malformed-payload")).toBe(1));
  for (let device = 0; device < 200; device += 1)
    hostile.publish(`spBv1.0/plant/DBIRTH/edge-1/other-${device}`, births[1] ?? "");
  for (const topic of [
    "spBv1.0/plant/NBIRTH/edge-1/x/y",
    "spBv1.0/plant/DDATA/edge-1",
    "spBv1.0/plant/?/edge-1",
  ])
    await hostile.publishAsync(topic, births[1] ?? "", { qos: 1 });
  await vi.waitFor(() => expect(context.faults.get("unsound-birth")).toBe(2));
  expect(context.losses).toContainEqual(
    expect.objectContaining({
      code: "PROTOCOL_VIOLATION",
      message:
        "press-1 can't be followed: Its birth certificate gives the alias 1 to both a and b. Check what its edge node publishes.",
    }),
  );
  node.set("press", "Pressure", 5);
  await vi.waitFor(() => expect(context.latest.get("pressure")).toMatchObject({ value: 5, quality: "good" }));
  expect(context.goodTags()).toHaveLength(2);
});

test("nothing is subscribed, published or leased before it is asked for", async () => {
  const { broker } = await startNode();
  const subscribe = vi.spyOn(broker, "subscribe");
  const { context } = await runOn(broker, deviceOf(pressTags));
  expect(subscribe).toHaveBeenCalledTimes(1);
  sparkplugAdapter.create(deviceOf(pressTags), context);
  expect(subscribe).toHaveBeenCalledTimes(1);
});
