import { expect, onTestFinished, test, vi } from "vitest";
import { openBucket } from "../../src/nats/bucket-looks.ts";
import { never, noServerHere, testServer } from "../../src/nats/testing.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { natsClient, requestWrite } from "../fixture/nats-client.ts";
import { spawnNamed } from "../fixture/service-process.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

const alerts = `
alerts:
  overpressure:
    message: "\${value} bar"
    when: { tag: press-1/ram/pressure, above: 200, deadband: 5 }
    latch: true
    onRaise: { write: { press-1/motor/setpoint: 300 } }
    onAcknowledge: { write: { press-1/motor/setpoint: 400 } }
`;

const often = { interval: 20 };

test("what alerting outside decides while the gateway is away reaches the press, MQTT and the audit when it is back, and people alone confirm", async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
  const server = await testServer();
  await server.start(never);
  const url = `nats://127.0.0.1:${server.port}`;
  const press = await ModbusSimulator.start();
  onTestFinished(() => press.refuse());
  const folder = new SiteFolder({
    "gateway.yaml": `
gateway: test-gw
site: plant1/line1
broker: { listen: 127.0.0.1:0 }
nats: { url: "${url}" }
http: { listen: 127.0.0.1:0 }
services: { alerting: outside }
`,
    "devices/press-1.yaml": pressFile("press-1", press.port).replace(
      "max: 1500 }",
      "max: 1500, confirm: true }",
    ),
    "alerts.yaml": alerts,
  });
  press.unit().holding.put(40, "float32", 1_500, "CDAB");
  const nats = await natsClient(url);
  const audit: object[] = [];
  nats.subscribe("audit.test-gw.*", { callback: (_, message) => void audit.push(message.json()) });
  const first = await spawnGateway(folder.dir);
  const service = spawnNamed("alerting", folder.dir, url);
  await vi.waitFor(() => expect(service.log).toContainEqual(expect.objectContaining({ msg: "running" })));
  press.unit().holding.put(40, "float32", 2_100, "CDAB");
  await vi.waitFor(() => expect(press.unit().holding.get(100)).toBe(300), often);
  // Who merely says to be the service is asked to confirm, as everybody is.
  const claim = { value: 500, by: "service:alerting" };
  expect(await requestWrite(nats, "cmd.plant1.line1.press-1.motor.setpoint", claim)).toMatchObject({
    ok: false,
    reason: "confirmation",
  });
  first.kill("SIGKILL");
  await first.ended;
  const acknowledge = JSON.stringify({ alert: "overpressure", by: "anna" });
  const answer = await nats.request("alerting.test-gw.acknowledge", acknowledge, { timeout: 10_000 });
  expect(answer.json()).toMatchObject({ ok: true });
  const second = await spawnGateway(folder.dir);
  await vi.waitFor(() => expect(press.unit().holding.get(100)).toBe(400), often);
  const write = {
    tag: "press-1/motor/setpoint",
    value: 400,
    via: "service",
    claimedBy: "service:alerting",
    ok: true,
  };
  await vi.waitFor(() => {
    const asked = { action: "acknowledge", by: "anna", ok: true, askedAt: expect.any(Number) as number };
    expect(audit).toContainEqual(expect.objectContaining(asked));
    expect(audit).toContainEqual(expect.objectContaining(write));
  }, often);
  const mqtt = await mqttClient(second.addresses.broker.mqtt);
  const retained = async () => JSON.parse(await mqtt.next("alert/plant1/line1/overpressure")) as object;
  await vi.waitFor(
    async () => expect(await retained()).toMatchObject({ event: "acknowledged", by: "anna" }),
    often,
  );
  const kv = await openBucket(nats, "alerts");
  expect((await kv.get("plant1.line1.overpressure"))?.json()).toMatchObject({ event: "acknowledged" });
});
