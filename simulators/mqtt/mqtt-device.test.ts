import { expect, test } from "vitest";
import type { MqttDeviceMapping, MqttTagOptions } from "../../adapters/mqtt/mapping.ts";
import { SimulatedMqttDevice } from "./mqtt-device.ts";

interface TestTag extends Partial<MqttTagOptions> {
  readonly scale?: number;
  readonly write?: { readonly topic: string; readonly pointer?: string };
}

type Tags = Readonly<Record<string, TestTag>>;

function deviceWith(tags: Tags): SimulatedMqttDevice {
  const mapping = {
    device: "agv-1",
    adapter: "mqtt",
    connection: { clientId: "agv-1" },
    options: {},
    tags: Object.entries(tags).map(([name, { scale = 1, write, ...options }]) => ({
      name,
      options: { address: "agv/1/state", payload: "json", ...options } as const,
      ...(write === undefined ? {} : { write: { options: write } }),
      value: { kind: "float" },
      scale,
      offset: 0,
    })),
  } satisfies MqttDeviceMapping;
  return new SimulatedMqttDevice(mapping);
}

const now = Date.UTC(2026, 0, 2, 3, 4, 5);

test("tags of one topic share one document, with the time where the mapping reads it", () => {
  const timestamp = { pointer: "/timestamp", unit: "iso8601" } as const;
  const device = deviceWith({
    "battery/charge": { address: "agv/1/state", pointer: "/batteryState/batteryCharge", timestamp },
    speed: { address: "agv/1/state", pointer: "/velocity/vx", timestamp },
  });
  device.set("battery/charge", 77.5);
  device.set("speed", 1.2);
  const [message, ...more] = device.messages(now);
  expect(more).toEqual([]);
  expect(message?.topic).toBe("agv/1/state");
  expect(JSON.parse(message?.payload ?? "")).toEqual({
    batteryState: { batteryCharge: 77.5 },
    velocity: { vx: 1.2 },
    timestamp: "2026-01-02T03:04:05.000Z",
  });
});

test("a payload that is the value itself is sent as text, unscaled", () => {
  const device = deviceWith({ level: { address: "tank/level", payload: "number", scale: 0.1 } });
  device.set("level", 42);
  expect(device.messages(now)).toEqual([{ topic: "tank/level", payload: "420" }]);
  expect(device.get("level")).toBe(42);
});

test("a wildcard stands for a few instances, each with a name and a topic of its own", () => {
  const device = deviceWith({ "shelf/{1}/stock": { address: "store/shelf/+/stock", payload: "text" } });
  expect(device.tags.map(({ name }) => name)).toEqual(["shelf/1/stock", "shelf/2/stock", "shelf/3/stock"]);
  device.set("shelf/2/stock", 9);
  expect(device.messages(now)).toEqual([{ topic: "store/shelf/2/stock", payload: "9" }]);
});

test("the document carries what the model puts around the tags, counted", () => {
  const device = deviceWith({ speed: { address: "agv/1/state", pointer: "/velocity/vx" } });
  device.frame((headerId) => ({ headerId, velocity: { vy: 0 } }));
  device.set("speed", 1);
  const sent = [device.messages(now), device.messages(now)].map(([message]) =>
    JSON.parse(message?.payload ?? ""),
  );
  expect(sent).toEqual([
    { headerId: 1, velocity: { vy: 0, vx: 1 } },
    { headerId: 2, velocity: { vy: 0, vx: 1 } },
  ]);
});

test("what the gateway writes sticks, and nonsense changes nothing", () => {
  const device = deviceWith({
    speed: { pointer: "/vx", write: { topic: "agv/1/order", pointer: "/speed" } },
    horn: { pointer: "/horn", write: { topic: "agv/1/horn" } },
  });
  expect([...device.writeTopics]).toEqual(["agv/1/order", "agv/1/horn"]);
  device.receive("agv/1/order", '{"speed":0.8}');
  device.receive("agv/1/horn", "3");
  device.receive("agv/1/order", "[");
  expect([device.get("speed"), device.get("horn")]).toEqual([0.8, 3]);
});

test("source times are written in the unit that the mapping reads", () => {
  const times = (["s", "ms", "us"] as const).map((unit) => {
    const device = deviceWith({ speed: { pointer: "/vx", timestamp: { pointer: "/at", unit } } });
    device.set("speed", 1);
    return JSON.parse(device.messages(now)[0]?.payload ?? "").at;
  });
  expect(times).toEqual([now / 1_000, now, now * 1_000]);
});
