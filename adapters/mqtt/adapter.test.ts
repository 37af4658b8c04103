import { expect, onTestFinished, test, vi } from "vitest";
import type { LocalBroker } from "../../src/adapter-kit/index.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { client, closed, mosquitto, mosquittoMissing, startBroker } from "../../src/broker/testing.ts";
import { mqttAdapter } from "./adapter.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { stateMessage, vehicleTags } from "./vda5050-fixture.ts";

type Tags = Parameters<typeof deviceOf>[0];

/** The adapter running on this broker, for a device with these tags; stopped with the test. */
async function runOn(broker: LocalBroker, tags: Tags, connection = {}) {
  const context = new RecordingContext({ broker });
  const adapter = mqttAdapter.create(deviceOf(tags, connection), context);
  const stop = new AbortController();
  await adapter.connect(stop.signal);
  const ran = adapter.run(stop.signal).catch(() => undefined);
  onTestFinished(async () => {
    stop.abort();
    await ran;
    await adapter.close();
  });
  return { context, adapter };
}

/** The same on a broker of its own. */
async function running(tags: Tags, connection = {}) {
  const started = await startBroker();
  return { ...started, ...(await runOn(started.broker, tags, connection)) };
}

test("a vehicle's state at QoS 0 becomes readings, each message looked into once", async () => {
  const { context, port } = await running(vehicleTags);
  const parse = vi.spyOn(JSON, "parse");
  const vehicle = await client(port, { clientId: "agv-1" });
  parse.mockClear();
  const at = new Date().toISOString();
  for (let charge = 1; charge <= 100; charge += 1)
    vehicle.publish("agv/1/state", JSON.stringify(stateMessage(charge, at)));
  await vi.waitFor(() => expect(context.batches).toHaveLength(100));
  expect(parse).toHaveBeenCalledTimes(100);
  parse.mockRestore();
  expect(context.batches.map(([charge]) => charge?.value)).toEqual(
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
  expect(context.batches[99]).toEqual([
    { tag: "battery/charge", value: 100, quality: "good", sourceTimestamp: Date.parse(at) },
    { tag: "position/x", value: 12.5, quality: "good", sourceTimestamp: Date.parse(at) },
    { tag: "driving", value: true, quality: "good" },
    { tag: "mode", value: "AUTOMATIC", quality: "good" },
  ]);
});

test("a field that is missing or of another type is bad alone, a payload that is no JSON is bad for all", async () => {
  const { context, port } = await running(vehicleTags);
  const vehicle = await client(port);
  vehicle.publish("agv/1/state", JSON.stringify({ batteryState: { batteryCharge: "full" }, driving: true }));
  await vi.waitFor(() => expect(context.batches).toHaveLength(1));
  expect(context.batches[0]?.map(({ tag, status }) => `${tag} ${status}`)).toEqual([
    "battery/charge NotANumber",
    "position/x NoSuchField",
    "driving undefined",
    "mode NoSuchField",
  ]);
  vehicle.publish("agv/1/state", '{"driving": tr');
  await vi.waitFor(() => expect(context.batches).toHaveLength(2));
  expect(new Set(context.batches[1]?.map(({ status }) => status))).toEqual(new Set(["MalformedPayload"]));
  vehicle.publish("agv/1/state", `"${"x".repeat(300_000)}"`);
  await vi.waitFor(() => expect(context.batches).toHaveLength(3));
  expect(new Set(context.batches[2]?.map(({ status }) => status))).toEqual(new Set(["PayloadTooLarge"]));
  expect(context.faults).toEqual(
    new Map([
      ["malformed-payload", 1],
      ["payload-too-large", 1],
    ]),
  );
});

test("numbers and texts are taken as they are, beside JSON on the same topic", async () => {
  const { context, port } = await running({
    stock: { address: "shelf", payload: "number", type: "int" },
    raw: { address: "shelf", payload: "text" },
    parsed: { address: "shelf" },
  });
  const shelf = await client(port);
  for (const payload of ["12", "none"]) shelf.publish("shelf", payload);
  await vi.waitFor(() => expect(context.batches).toHaveLength(2));
  expect(context.batches.map((batch) => batch.map(({ value, status }) => status ?? value))).toEqual([
    [12, "12", 12],
    ["NotANumber", "none", "MalformedPayload"],
  ]);
});

test("whole numbers beyond 2^53 keep their digits", async () => {
  const { context, port } = await running({
    all: { address: "meter", type: "json" },
    energy: { address: "meter", pointer: "/energy", type: "uint64" },
    rough: { address: "meter", pointer: "/energy" },
    plain: { address: "meter", pointer: "/energy", type: "int" },
    counted: { address: "meter/count", payload: "number", type: "int64" },
  });
  const meter = await client(port);
  meter.publish("meter", '{"energy":12345678901234567890,"phases":[1.5,-9007199254740993]}');
  meter.publish("meter/count", "-123456789012345678");
  await vi.waitFor(() => expect(context.batches).toHaveLength(2));
  expect(context.batches.flat().map(({ value, status }) => status ?? value)).toEqual([
    { energy: "12345678901234567890", phases: [1.5, "-9007199254740993"] },
    12_345_678_901_234_567_890n,
    12_345_678_901_234_567_000,
    "NotAnInteger",
    -123_456_789_012_345_678n,
  ]);
});

test("a source timestamp that can't be true is counted, and the gateway's time stands", async () => {
  const { context, port } = await running(vehicleTags);
  const vehicle = await client(port);
  for (const at of ["1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"]) {
    vehicle.publish("agv/1/state", JSON.stringify(stateMessage(50, at)));
  }
  await vi.waitFor(() => expect(context.batches).toHaveLength(3));
  expect(context.batches.flat().some(({ sourceTimestamp }) => sourceTimestamp !== undefined)).toBe(false);
  expect(context.goodTags()).toHaveLength(4);
  expect(context.faults.get("timestamp")).toBe(6);
});

test("wildcards become tags, and a topic that can't is refused, counted and told once", async () => {
  const { context, port } = await running({
    "shelf/{1}/stock": { address: "store/shelf/+/stock", payload: "number" },
    "log/{2}/of-{1}": { address: "robot/+/log/#", payload: "text" },
  });
  const store = await client(port);
  store.publish("store/shelf/a-7/stock", "3");
  store.publish("robot/r1/log/arm/axis", "ok");
  for (const odd of ["ä", "a b", "a.b", "", "*"]) store.publish(`store/shelf/${odd}/stock`, "3");
  store.publish("robot/r1/log/a/ /b", "ok");
  store.publish("store/shelf/last/stock", "4");
  await vi.waitFor(() => expect(context.latest.has("shelf/last/stock")).toBe(true));
  expect(context.batches.flat()).toEqual([
    { tag: "shelf/a-7/stock", template: "shelf/{1}/stock", value: 3, quality: "good" },
    { tag: "log/arm/axis/of-r1", template: "log/{2}/of-{1}", value: "ok", quality: "good" },
    { tag: "shelf/last/stock", template: "shelf/{1}/stock", value: 4, quality: "good" },
  ]);
  expect(context.faults.get("topic")).toBe(6);
  expect(context.logged).toHaveLength(1);
});

test("a retained message is the last known value, not good data and no sign of life", async () => {
  const { port, broker } = await startBroker();
  const vehicle = await client(port);
  await vehicle.publishAsync("agv/1/state", JSON.stringify(stateMessage(50)), { retain: true, qos: 1 });
  await vehicle.publishAsync("odd", "no JSON", { retain: true, qos: 1 });
  await vi.waitFor(() => expect(broker.counters.retainedMessages).toBe(2));
  const tags = { ...vehicleTags, odd: { address: "odd" } };
  const { context } = await runOn(broker, tags);
  expect(context.latest.get("battery/charge")).toMatchObject({
    value: 50,
    quality: "uncertain",
    status: "Retained",
  });
  expect(context.latest.has("odd")).toBe(false);
  await vehicle.publishAsync("agv/1/state", JSON.stringify(stateMessage(51)), { retain: true });
  await vi.waitFor(() =>
    expect(context.latest.get("battery/charge")).toMatchObject({ value: 51, quality: "good" }),
  );
});

test("a device is lost with its client, however that went, and with its last will", async () => {
  const will = {
    topic: "agv/1/connection",
    pointer: "/connectionState",
    offline: ["OFFLINE", "CONNECTIONBROKEN"],
  };
  const { context, port } = await running(vehicleTags, { clientId: "agv-1", will });
  const broken = JSON.stringify({ connectionState: "CONNECTIONBROKEN" });
  const vehicle = await client(port, {
    clientId: "agv-1",
    will: { topic: will.topic, payload: Buffer.from(broken), qos: 1, retain: true },
  });
  for (const state of ["ONLINE", "HIBERNATING"]) {
    await vehicle.publishAsync(will.topic, JSON.stringify({ connectionState: state }), {
      qos: 1,
      retain: true,
    });
  }
  await vehicle.publishAsync(will.topic, "not JSON", { qos: 1 });
  expect(context.losses).toEqual([]);
  vehicle.stream.destroy();
  await closed(vehicle);
  await vi.waitFor(() => expect(context.losses).toHaveLength(2));
  expect(context.losses.map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringContaining("CONNECTIONBROKEN"),
    expect.stringContaining("client agv-1 is gone"),
  ]);
});

test("a vehicle that said goodbye before the gateway listened is lost from the start", async () => {
  const { broker } = await startBroker();
  broker.publish("agv/1/connection", "offline", { retain: true });
  const will = { topic: "agv/1/connection", offline: ["offline"] };
  const { context } = await runOn(broker, vehicleTags, { will });
  expect(context.losses.map(({ code }) => code)).toEqual(["DEVICE_UNREACHABLE"]);
});

test("a write is published at QoS 1, plain or as JSON", async () => {
  const limit = { address: "agv/1/state", pointer: "/limit" };
  const { adapter, port } = await running({
    plain: { ...limit, write: { topic: "agv/1/cmd/plain" } },
    "speed/limit": { ...limit, write: { topic: "agv/1/cmd/speed", pointer: "/limits/speed" } },
    mode: { ...limit, type: "string", write: { topic: "agv/1/cmd/mode", pointer: "" } },
    readOnly: limit,
  });
  const vehicle = await client(port);
  const taken: string[] = [];
  vehicle.on("message", (topic, payload, { qos }) => taken.push(`${topic} ${payload.toString()} ${qos}`));
  await vehicle.subscribeAsync("agv/1/cmd/#", { qos: 1 });
  const signal = AbortSignal.timeout(1_000);
  await adapter.write?.(
    [
      { tag: "plain", value: 1.5 },
      { tag: "speed/limit", value: 2 },
      { tag: "mode", value: 'man"ual' },
    ],
    signal,
  );
  await vi.waitFor(() =>
    expect(taken).toEqual([
      "agv/1/cmd/plain 1.5 1",
      'agv/1/cmd/speed {"limits":{"speed":2}} 1',
      'agv/1/cmd/mode "man\\"ual" 1',
    ]),
  );
  await expect(adapter.write?.([{ tag: "readOnly", value: 1 }], signal)).rejects.toMatchObject({
    code: "WRITE_REFUSED",
  });
});

test("Debian's mosquitto_pub is a device like any other", async (ctx) => {
  const missing = mosquittoMissing();
  if (missing !== undefined) ctx.skip(missing);
  const { context, port } = await running({
    "shelf/{1}/stock": { address: "store/shelf/+/stock", payload: "number" },
  });
  await mosquitto("mosquitto_pub", port, "-t", "store/shelf/7/stock", "-m", "42");
  await vi.waitFor(() =>
    expect(context.latest.get("shelf/7/stock")).toMatchObject({ value: 42, quality: "good" }),
  );
});
