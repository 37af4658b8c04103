import { connect as connectMqtt, connectAsync } from "mqtt";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { mosquitto, mosquittoMissing } from "../../src/broker/testing.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { freePort } from "../../src/adapter-kit/free-port.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { SiteFolder } from "../fixture/site-folder.ts";
import { signalTo } from "../../src/nats/processes-testing.ts";

beforeEach(async (ctx) => {
  const reason = (await noServerHere()) ?? mosquittoMissing();
  ctx.skip(reason !== undefined, reason);
});

/** A gateway whose broker keeps its port, and the way to kill it and start it again. */
async function setUp() {
  const port = await freePort();
  const folder = new SiteFolder({
    "gateway.yaml": `
gateway: test-gw
site: plant1/line1
broker: { listen: "127.0.0.1:${port}" }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
`,
  });
  let gateway = await spawnGateway(folder.dir);
  const kill = async () => {
    signalTo(gateway.natsPid, "SIGKILL");
    gateway.kill("SIGKILL");
    await gateway.ended;
  };
  const start = async () => void (gateway = await spawnGateway(folder.dir));
  return { port, kill, start };
}

/** A client of the test's own, ended with it. */
async function device(port: number, clientId: string, clean = true) {
  const client = await connectAsync({ host: "127.0.0.1", port, clientId, clean, reconnectPeriod: 0 });
  client.on("error", () => undefined);
  onTestFinished(() => client.endAsync(true));
  return client;
}

test("a subscriber that was away gets, from a gateway that was killed, every acknowledged message in order, and what is retained", async () => {
  const { port, kill, start } = await setUp();
  const away = ["-c", "-i", "panel", "-q", "1", "-t", "agv/+/job"];
  const panel = await device(port, "panel", false);
  await panel.subscribeAsync("agv/+/job", { qos: 1 });
  await panel.endAsync();
  const agv = await device(port, "agv");
  const acknowledged: number[] = [];
  const publish = (from: number, to: number) => {
    for (let n = from; n < to; n += 1)
      agv.publish("agv/1/job", `${n}`, { qos: 1 }, (error) => void (error ?? acknowledged.push(n)));
  };
  publish(0, 20);
  await expect.poll(() => acknowledged.length).toBe(20);
  await agv.publishAsync("agv/1/state", "charging", { qos: 1, retain: true });
  await agv.publishAsync("agv/2/state", "driving", { qos: 1, retain: true });
  await agv.publishAsync("agv/2/state", "", { qos: 1, retain: true });
  publish(20, 500);
  await expect.poll(() => acknowledged.length).toBeGreaterThan(30);
  await kill();
  const sure = acknowledged.length;
  await start();
  const retained = await mosquitto("mosquitto_sub", port, "-t", "agv/+/state", "-v", "-W", "1");
  expect(retained.output).toContain("agv/1/state charging");
  expect(retained.output).not.toContain("agv/2/state");
  const { output } = await mosquitto("mosquitto_sub", port, ...away, "-W", "2");
  const got = output
    .split("\n")
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
  expect(got.slice(0, sure)).toEqual(acknowledged);
  expect(got).toEqual([...got.keys()]);
  const again = await mosquitto("mosquitto_sub", port, ...away, "-W", "1");
  expect(again.output).not.toMatch(/^\d+$/m);
});

test("a QoS 2 message that its subscriber had not finished with comes once from a gateway that was killed", async () => {
  const { port, kill, start } = await setUp();
  const panel = connectMqtt({
    host: "127.0.0.1",
    port,
    clientId: "panel",
    clean: false,
    reconnectPeriod: 20,
  });
  panel.on("error", () => undefined);
  onTestFinished(() => panel.endAsync(true));
  const got: string[] = [];
  panel.on("message", (_, payload) => void got.push(payload.toString()));
  await panel.subscribeAsync("agv/job", { qos: 2 });
  const agv = await device(port, "agv", false);
  const acknowledged: string[] = [];
  for (let n = 0; n < 300; n += 1)
    agv.publish("agv/job", `${n}`, { qos: 2 }, (error) => void (error ?? acknowledged.push(`${n}`)));
  await expect.poll(() => got.length).toBeGreaterThan(10);
  await kill();
  await start();
  await expect.poll(() => panel.connected).toBe(true);
  await expect.poll(() => acknowledged.filter((one) => !got.includes(one))).toEqual([]);
  expect(new Set(got).size).toBe(got.length);
});
