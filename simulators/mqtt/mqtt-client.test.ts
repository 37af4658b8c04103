import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { Aedes } from "aedes";
import { expect, onTestFinished, test } from "vitest";
import type { MqttDeviceMapping } from "../../adapters/mqtt/mapping.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { DeviceClient } from "./mqtt-client.ts";
import { SimulatedMqttDevice } from "./mqtt-device.ts";

const mapping = {
  device: "agv-1",
  adapter: "mqtt",
  connection: {
    clientId: "agv-1",
    will: {
      topic: "agv/1/connection",
      pointer: "/connectionState",
      offline: ["OFFLINE", "CONNECTIONBROKEN"],
    },
  },
  options: {},
  tags: [
    {
      name: "speed",
      options: { address: "agv/1/state", payload: "json", pointer: "/vx" },
      value: { kind: "float" },
      scale: 1,
      offset: 0,
    },
  ],
} satisfies MqttDeviceMapping;

interface Heard {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** A broker on the port, and what clients publish to it. */
async function startBroker(port = 0): Promise<{ port: number; heard: Heard[]; close: () => Promise<void> }> {
  const aedes = await Aedes.createBroker();
  const heard: Heard[] = [];
  aedes.on("publish", ({ topic, payload, qos, retain }) => {
    if (topic.startsWith("agv/")) heard.push({ topic, payload: payload.toString(), qos, retain });
  });
  const server = createServer(aedes.handle);
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.close();
    await new Promise<void>((resolve) => aedes.close(resolve));
  };
  onTestFinished(close);
  return { port: (server.address() as AddressInfo).port, heard, close };
}

function startDevice(port: number): DeviceClient {
  const device = new SimulatedMqttDevice(mapping);
  device.set("speed", 1.5);
  const client = new DeviceClient(device, {
    broker: `mqtt://127.0.0.1:${port}`,
    clock: systemClock,
    period: 20,
  });
  onTestFinished(() => client.stop());
  client.start();
  return client;
}

const connection = (state: string) => ({
  topic: "agv/1/connection",
  payload: JSON.stringify({ connectionState: state }),
  retain: true,
});

test("says that it is online, then sends its state at QoS 0", async () => {
  const { port, heard } = await startBroker();
  startDevice(port);
  await expect.poll(() => heard).toContainEqual(expect.objectContaining({ ...connection("ONLINE"), qos: 1 }));
  await expect
    .poll(() => heard)
    .toContainEqual({ topic: "agv/1/state", payload: '{"vx":1.5}', qos: 0, retain: false });
});

test("goes on trying until the broker is there", async () => {
  const { port, close } = await startBroker();
  await close();
  startDevice(port);
  const { heard } = await startBroker(port);
  await expect.poll(() => heard.length).toBeGreaterThan(1);
});

test("a lost radio leaves the last will, and the device is back after the time said", async () => {
  const { port, heard } = await startBroker();
  const client = startDevice(port);
  await expect.poll(() => client.connected).toBe(true);
  client.loseRadio(300);
  await expect.poll(() => heard).toContainEqual(expect.objectContaining(connection("CONNECTIONBROKEN")));
  expect(client.connected).toBe(false);
  heard.length = 0;
  await expect.poll(() => heard).toContainEqual(expect.objectContaining(connection("ONLINE")));
});

test("a stop says goodbye, with no last will, and may be called twice", async () => {
  const { port, heard } = await startBroker();
  const client = startDevice(port);
  await expect.poll(() => client.connected).toBe(true);
  await client.stop();
  await client.stop();
  await expect.poll(() => heard).toContainEqual(expect.objectContaining(connection("OFFLINE")));
  expect(heard).not.toContainEqual(expect.objectContaining(connection("CONNECTIONBROKEN")));
});
