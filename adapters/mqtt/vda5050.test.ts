import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import type { MqttClient } from "mqtt";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { client, startBroker } from "../../src/broker/testing.ts";
import { loadSite } from "../../src/config/load-site.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import { mqttAdapter } from "./adapter.ts";
import type { MqttDeviceMapping } from "./mapping.ts";
import { stateMessage } from "./vda5050-fixture.ts";

const own = "uagv/v2/Linegate/SIM-1";

/** The factory's vehicle, as its file and the profile give it. */
async function factoryVehicle(): Promise<MqttDeviceMapping> {
  const loaded = await loadSite(join(import.meta.dirname, "../../mappings/factory"));
  const device = loaded.ok ? loaded.site.devices.find(({ device }) => device === "agv-1") : undefined;
  if (device === undefined) throw new GatewayError("INTERNAL", "the factory has no agv-1");
  return device as MqttDeviceMapping;
}

/** That vehicle mapped and running, and a client that plays it. */
async function running() {
  const { broker, port } = await startBroker();
  const context = new RecordingContext({ broker });
  const adapter = mqttAdapter.create(await factoryVehicle(), context);
  const stop = new AbortController();
  await adapter.connect(stop.signal);
  const ran = adapter.run(stop.signal).catch(() => undefined);
  onTestFinished(async () => {
    stop.abort();
    await ran;
    await adapter.close();
  });
  const vehicle = await client(port);
  const write = async (tag: string, value: object) =>
    adapter.write?.([{ tag, value: value as Record<string, string> }], AbortSignal.timeout(1_000));
  return { context, vehicle, write };
}

async function say(vehicle: MqttClient, topic: string, message: object): Promise<void> {
  await vehicle.publishAsync(`${own}/${topic}`, JSON.stringify(message), { qos: 1 });
}

const said = (connectionState: string) => ({ connectionState, headerId: 1, timestamp: "" });

test("the profile takes in a vehicle's state, its arrays as JSON values", async () => {
  const { context, vehicle } = await running();
  const errors = [{ errorType: "noRouteError", errorLevel: "WARNING" }];
  const state = {
    ...stateMessage(80),
    errors,
    nodeStates: [],
    edgeStates: [],
    actionStates: [],
    orderId: "7",
  };
  vehicle.publish(`${own}/state`, JSON.stringify(state));
  await vi.waitFor(() => expect(context.latest.get("battery/charge")?.value).toBe(80));
  const value = (tag: string) => context.latest.get(tag)?.value;
  expect(value("errors")).toEqual(errors);
  expect(value("actions")).toEqual([]);
  expect([value("order/id"), value("mode"), value("driving")]).toEqual(["7", "AUTOMATIC", true]);
});

test("its connection is told as it is: a broken one is shown, and brings nobody back", async () => {
  const { context, vehicle } = await running();
  const connection = () => context.latest.get("connection/state");
  await say(vehicle, "connection", said("ONLINE"));
  expect(connection()).toMatchObject({ value: "ONLINE", quality: "good" });
  expect(connection()).not.toHaveProperty("noSignOfLife");
  expect(context.losses).toEqual([]);
  await say(vehicle, "connection", said("CONNECTIONBROKEN"));
  expect(context.losses).toHaveLength(1);
  expect(connection()).toMatchObject({ value: "CONNECTIONBROKEN", quality: "good", noSignOfLife: true });
});

test("an order goes out with its header filled in and counted, and comes round as no sign of life", async () => {
  const { context, vehicle, write } = await running();
  const heard: [string, object][] = [];
  vehicle.on("message", (topic, payload) => heard.push([topic, JSON.parse(payload.toString()) as object]));
  await vehicle.subscribeAsync(`${own}/+`);
  const nodes = [{ nodeId: "dock", sequenceId: 0, released: true, actions: [] }];
  const order = { orderId: "7", orderUpdateId: 0, nodes, edges: [] };
  await write("order/send", order);
  // What is refused takes no number.
  await expect(write("order/send", {})).rejects.toMatchObject({
    code: "WRITE_REFUSED",
    message: "agv-1/order/send: orderId is missing: expected a text (VDA 5050).",
  });
  await expect(write("order/send", { ...order, headerId: "evil" })).rejects.toThrow(
    "headerId is counted by the gateway",
  );
  await write("order/send", { ...order, orderUpdateId: 1, version: "2.1.0" });
  await write("instant-actions", { actions: [] });
  await vi.waitFor(() => expect(heard).toHaveLength(3));
  const timestamp = expect.stringMatching(/^\d{4}-.*Z$/);
  const header = { timestamp, version: "2.0.0", manufacturer: "Linegate", serialNumber: "SIM-1" };
  expect(heard).toEqual([
    [`${own}/order`, { headerId: 1, ...header, ...order }],
    [`${own}/order`, { headerId: 2, ...header, ...order, orderUpdateId: 1, version: "2.1.0" }],
    [`${own}/instantActions`, { headerId: 1, ...header, actions: [] }],
  ]);
  expect(context.latest.get("order/send")).toMatchObject({
    value: { orderId: "7", orderUpdateId: 1 },
    noSignOfLife: true,
  });
  await expect(write("order/send", [1])).rejects.toMatchObject({ code: "WRITE_REFUSED" });
});
