import { connectAsync } from "mqtt";
import { encodePayload, type MetricToSend } from "../../adapters/sparkplug/encode.ts";
import { messageTopic } from "../../adapters/sparkplug/topic.ts";
import { devicesOf, dialledInSite } from "../dialled-in-site.ts";
import { runGateway } from "../gateway-process.ts";
import { round } from "../statistics.ts";

const times = 1_000;
const every = 250;
const metrics = 100;
const id = { group: "bench", node: "edge" };

function births(session: number, values: readonly number[]) {
  const timestamp = Date.now();
  const bdSeq = { name: "bdSeq", timestamp, type: "int64", value: BigInt(session) } as const;
  const metric = (value: number, index: number): MetricToSend => ({
    name: `Value/${index}`,
    alias: index,
    timestamp,
    type: "float64",
    value,
  });
  return {
    death: encodePayload({ timestamp, metrics: [bdSeq] }),
    node: encodePayload({ timestamp, seq: 0, metrics: [bdSeq] }),
    device: encodePayload({ timestamp, seq: 1, metrics: values.map(metric) }),
    data: encodePayload({
      timestamp,
      seq: 2,
      metrics: values.map((value, index) => ({ alias: index, timestamp, type: "float64", value: value + 1 })),
    }),
  };
}

/** RSS of the gateway while an edge node with 100 tags connects, is born, tells and is cut off a thousand times. */
export async function reconnects(random: () => number) {
  const head = () => ["adapter: sparkplug", "connection: { group: bench, node: edge, device: machine-0 }"];
  const devices = devicesOf({ devices: 1, tagsEach: metrics }, head, (index) => `{ metric: Value/${index} }`);
  using site = dialledInSite(devices);
  await using gateway = await runGateway(site.dir);
  const rss: Record<string, number> = {};
  const watch = await connectAsync(gateway.mqtt, { clientId: "bench-watch" });
  const seen = { online: 0, lost: 0 };
  watch.on("message", (_, payload) => {
    const { state } = JSON.parse(payload.toString()) as { state: string };
    if (state === "online") seen.online += 1;
    if (state === "offline") seen.lost += 1;
  });
  await watch.subscribeAsync("state/bench/line1/machine-0");
  for (let count = 0; count < times; count++) {
    if (count % every === 0) rss[`after${count}`] = round(gateway.rssMb().gateway, 1);
    const { death, node, device, data } = births(count % 256, Array.from({ length: metrics }, random));
    const will = { topic: messageTopic(id, "NDEATH"), payload: death, qos: 1, retain: false } as const;
    const client = await connectAsync(gateway.mqtt, { clientId: "bench-edge", reconnectPeriod: 0, will });
    client.on("error", () => undefined);
    await client.publishAsync(messageTopic(id, "NBIRTH"), node, { qos: 0 });
    await client.publishAsync(messageTopic(id, "DBIRTH", "machine-0"), device, { qos: 0 });
    // What is acknowledged has been seen, and all before it.
    await client.publishAsync(messageTopic(id, "DDATA", "machine-0"), data, { qos: 1 });
    client.stream.destroy();
    client.end(true);
  }
  rss[`after${times}`] = round(gateway.rssMb().gateway, 1);
  await watch.endAsync(true);
  return {
    sparkplugReconnects: { times, timesOnline: seen.online, timesLost: seen.lost, gatewayRssMb: rss },
  };
}
