import { connectAsync } from "mqtt";
import { SimulatedEdgeNode } from "../../simulators/sparkplug/edge-node.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { devicesOf, dialledInSite } from "../dialled-in-site.ts";
import { runGateway } from "../gateway-process.ts";
import { usage } from "../usage.ts";

const settleMs = 5_000;
const samples = 3;

interface Load {
  readonly devices: number;
  readonly tagsEach: number;
}

/** Each device is a client that publishes one JSON document a second. */
async function overMqtt(load: Load, random: () => number) {
  const head = (device: string) => ["adapter: mqtt", `connection: { clientId: ${device} }`];
  const devices = devicesOf(
    load,
    head,
    (index, device) => `{ address: bench/${device}, pointer: /values/${index} }`,
  );
  using site = dialledInSite(devices);
  await using gateway = await runGateway(site.dir);
  const clients = await Promise.all(
    [...devices.keys()].map(async (clientId) => ({
      clientId,
      client: await connectAsync(gateway.mqtt, { clientId }),
    })),
  );
  const speaking = setInterval(() => {
    for (const { clientId, client } of clients) {
      const values = Array.from({ length: load.tagsEach }, () => 100 + random() * 50);
      client.publish(`bench/${clientId}`, JSON.stringify({ values }), { qos: 0 });
    }
  }, 1_000);
  try {
    return await usage(gateway, settleMs, samples);
  } finally {
    clearInterval(speaking);
    await Promise.all(clients.map(({ client }) => client.endAsync(true)));
  }
}

/** The devices are behind one edge node; every metric changes each second and goes by its alias. */
async function overSparkplug(load: Load, random: () => number) {
  const head = (device: string) => [
    "adapter: sparkplug",
    `connection: { group: bench, node: edge, device: ${device} }`,
  ];
  const devices = devicesOf(load, head, (index) => `{ metric: Value/${index} }`);
  using site = dialledInSite(devices);
  await using gateway = await runGateway(site.dir);
  const node = new SimulatedEdgeNode({ group: "bench", node: "edge" });
  const changeAll = () => {
    for (const device of devices.keys())
      for (let index = 0; index < load.tagsEach; index++)
        node.set(device, `Value/${index}`, 100 + random() * 50);
  };
  for (const device of devices.keys())
    for (let index = 0; index < load.tagsEach; index++) node.define(device, `Value/${index}`, "float64");
  changeAll();
  node.start({ broker: gateway.mqtt, clock: systemClock, period: 1_000 });
  const changing = setInterval(changeAll, 1_000);
  try {
    return await usage(gateway, settleMs, samples);
  } finally {
    clearInterval(changing);
    await node.stop();
  }
}

const small = { devices: 10, tagsEach: 100 };
const large = { devices: 10, tagsEach: 1_000 };

/** MQTT and Sparkplug devices with 1,000 and with 10,000 tags together, each of which changes each second. */
export async function dialledIn(random: () => number) {
  return {
    dialledInRssMb: {
      mqtt1000: await overMqtt(small, random),
      mqtt10000: await overMqtt(large, random),
      sparkplug1000: await overSparkplug(small, random),
      sparkplug10000: await overSparkplug(large, random),
    },
  };
}
