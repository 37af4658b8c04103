import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectMqtt, connectAsync, type MqttClient } from "mqtt";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { noServerHere } from "../../src/nats/testing.ts";
import { seededRandom } from "../../simulators/line/random.ts";
import { spawnGateway, type GatewayProcess } from "../fixture/gateway-process.ts";
import { freePort } from "../../src/adapter-kit/free-port.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { SiteFolder } from "../fixture/site-folder.ts";
import { signalTo } from "../../src/nats/processes-testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

interface StoredMessage {
  readonly subject: string;
  readonly data?: string;
}

const till = `
device: till
adapter: mqtt
connection: {}
tags:
  sale: { address: store/sale, type: json, durable: { id: /id } }
  note: { address: store/note, type: string, durable: true }
`;

/** A site whose broker keeps its port over restarts. */
async function site() {
  const port = await freePort();
  const folder = new SiteFolder({
    "gateway.yaml": `
gateway: test-gw
site: plant1/line1
broker: { listen: "127.0.0.1:${port}" }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
`,
    "devices/till.yaml": till,
  });
  return { port, folder };
}

/** What the stream EVENTS holds on a subject, in order. */
async function events(gateway: GatewayProcess, subject: string): Promise<{ readonly data: unknown }[]> {
  const client = await natsClient(gateway.addresses.nats);
  const ask = async (name: string, request: object) => {
    const reply = await client.request(`$JS.API.STREAM.${name}.EVENTS`, JSON.stringify(request));
    return reply.json<{ state: { first_seq: number; last_seq: number }; message?: StoredMessage }>();
  };
  const { first_seq, last_seq } = (await ask("INFO", {})).state;
  const places = Array.from({ length: last_seq - first_seq + 1 }, (_, index) => first_seq + index);
  const all = await Promise.all(places.map((seq) => ask("MSG.GET", { seq })));
  await client.close();
  return all
    .filter(({ message }) => message?.subject === subject)
    .map(
      ({ message }) => JSON.parse(Buffer.from(message?.data ?? "", "base64").toString()) as { data: unknown },
    );
}

/** A device that sends again, over as many connections as it takes, until each message is acknowledged; ended with the test. */
function till1(port: number): MqttClient {
  const client = connectMqtt({
    host: "127.0.0.1",
    port,
    clientId: "till-1",
    clean: false,
    reconnectPeriod: 50,
    connectTimeout: 2_000,
  });
  client.on("error", () => undefined);
  onTestFinished(() => client.endAsync(true));
  return client;
}

/** The client gives up what was under way when its connection ends: it is sent again. */
async function untilAcknowledged(client: MqttClient, topic: string, data: object, qos: 1 | 2): Promise<void> {
  for (;;) {
    try {
      await client.publishAsync(topic, JSON.stringify(data), { qos });
      return;
    } catch {
      await sleep(10);
    }
  }
}

test.each([
  { seed: 1, qos: 1 as const },
  { seed: 2, qos: 2 as const },
])(
  "a gateway killed over and over (seed $seed, QoS $qos): every acknowledged message is in EVENTS once",
  async ({ seed, qos }) => {
    const random = seededRandom(seed);
    const { port, folder } = await site();
    let gateway = await spawnGateway(folder.dir);
    const client = till1(port);
    const acknowledged: number[] = [];
    const sent: Promise<void>[] = [];
    for (let life = 0; life < 2; life += 1) {
      const most = 20 + Math.floor(random() * 60);
      for (let i = 0; i < most; i += 1) {
        const id = sent.length;
        sent.push(
          untilAcknowledged(client, "store/sale", { id, sum: 1.1 }, qos).then(
            () => void acknowledged.push(id),
          ),
        );
        if (i % 10 === 9) await sleep(random() * 30);
      }
      signalTo(gateway.natsPid, "SIGKILL");
      gateway.kill("SIGKILL");
      await gateway.ended;
      gateway = await spawnGateway(folder.dir);
    }
    await Promise.all(sent);
    expect(acknowledged.toSorted((one, other) => one - other)).toEqual([...sent.keys()]);
    const subject = "event.plant1.line1.till.sale";
    await expect
      .poll(async () => (await events(gateway, subject)).length)
      .toBeGreaterThanOrEqual(sent.length);
    const ids = (await events(gateway, subject)).map(({ data }) => (data as { id: number }).id);
    expect(ids.toSorted((one, other) => one - other)).toEqual([...sent.keys()]);
  },
);

test("a message that comes again after its PUBACK, in another run of the gateway, is acknowledged and not stored again", async () => {
  const { port, folder } = await site();
  const first = await spawnGateway(folder.dir);
  const before = await connectAsync({ host: "127.0.0.1", port, reconnectPeriod: 0 });
  onTestFinished(() => before.endAsync(true));
  before.on("error", () => undefined);
  await before.publishAsync("store/sale", '{"id":"a"}', { qos: 1 });
  await before.publishAsync("store/note", "1.10", { qos: 1 });
  signalTo(first.natsPid, "SIGKILL");
  first.kill("SIGKILL");
  await first.ended;
  const second = await spawnGateway(folder.dir);
  const after = await connectAsync({ host: "127.0.0.1", port, reconnectPeriod: 0 });
  onTestFinished(() => after.endAsync(true));
  for (const qos of [1, 2, 0] as const) await after.publishAsync("store/sale", '{"id":"a"}', { qos });
  await after.publishAsync("store/sale", '{"id":"b"}', { qos: 1 });
  const data = async (tag: string) =>
    (await events(second, `event.plant1.line1.till.${tag}`)).map((event) => event.data);
  await expect.poll(() => data("sale")).toEqual([{ id: "a" }, { id: "b" }]);
  expect(await data("note")).toEqual([1.1]);
  const { host, port: http } = second.addresses.http;
  const metrics = await (await fetch(`http://${host}:${http}/metrics`)).text();
  expect(metrics).toContain("linegate_durable_stored_total 1\n");
  expect(metrics).toContain("linegate_durable_repeated_total 3\n");
  expect(metrics).toContain("linegate_durable_unsure_total 1\n");
  const said = second.log.filter(({ level }) => level === "warn").map(({ msg }) => msg);
  expect(said.filter((text) => text.includes("QoS 0"))).toHaveLength(1);
});
