import { jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { expect, onTestFinished, test, vi } from "vitest";
import { loadSite } from "../../src/config/load-site.ts";
import { openBucket } from "../../src/nats/bucket-looks.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { spawnNamed } from "../fixture/service-process.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

const alerts = `
alerts:
  overpressure:
    message: "\${value} bar"
    priority: critical
    when: { tag: press-1/ram/pressure, above: 200, deadband: 5 }
    onRaise: { write: { press-1/motor/setpoint: 300 } }
  press-away: { message: "Look at the network", when: { offline: press-1 } }
`;

interface Told {
  readonly alert: string;
  readonly state: string;
  readonly event: string | null;
  readonly [field: string]: unknown;
}

async function plant() {
  const press = await ModbusSimulator.start();
  onTestFinished(() => press.refuse());
  const folder = new SiteFolder({
    "devices/press-1.yaml": pressFile("press-1", press.port),
    "alerts.yaml": alerts,
  });
  /** In bar. */
  const pressure = (bar: number) => press.unit().holding.put(40, "float32", bar * 10, "CDAB");
  pressure(150);
  return { press, folder, pressure };
}

async function listen(nats: NatsConnection): Promise<Told[]> {
  const told: Told[] = [];
  nats.subscribe("alert.>", { callback: (_, message) => void told.push(message.json<Told>()) });
  await nats.flush();
  return told;
}

const story = (told: readonly Told[]) => told.map(({ alert, event }) => `${alert} ${event}`);

/** Asks the alerts for something, as a person at a panel does. */
function panel(nats: NatsConnection) {
  return async (what: string, request?: object): Promise<Record<string, unknown>> => {
    const payload = request === undefined ? "" : JSON.stringify({ by: "anna", ...request });
    return (await nats.request(`alerting.test-gw.${what}`, payload)).json();
  };
}

test("too much pressure slows the press, is told on NATS and MQTT, acknowledged and over", async () => {
  const { press, folder, pressure } = await plant();
  const { gateway, readings } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  await vi.waitFor(() => expect(readings.length).toBeGreaterThan(10));
  pressure(210);
  await vi.waitFor(() => expect(press.unit().holding.get(100)).toBe(300));
  await vi.waitFor(() => expect(story(told)).toEqual(["overpressure raised"]));
  const ask = panel(nats);
  expect(await ask("acknowledge", { alert: "overpressure" })).toMatchObject({
    ok: true,
    alerts: [{ alert: "overpressure", state: "acknowledged", by: "anna", message: "210 bar" }],
  });
  pressure(150);
  await vi.waitFor(() =>
    expect(story(told)).toEqual(["overpressure raised", "overpressure acknowledged", "overpressure cleared"]),
  );
  // A panel that comes late finds the state retained.
  const mqtt = await mqttClient(gateway.addresses.broker.mqtt);
  expect(JSON.parse(await mqtt.next("alert/plant1/line1/overpressure"))).toEqual(told[2]);
  const kv = await vi.waitFor(() => openBucket(nats, "alerts"));
  await expect.poll(async () => (await kv.get("plant1.line1.overpressure"))?.json()).toEqual(told[2]);
});

test("what happened to alerts is history in the stream EVENTS, each once and in order", async () => {
  const { folder, pressure } = await plant();
  const { gateway, readings } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  await vi.waitFor(() => expect(readings.length).toBeGreaterThan(10));
  for (const bar of [210, 150, 210]) {
    const before = told.length;
    pressure(bar);
    await vi.waitFor(() => expect(told.length).toBeGreaterThan(before));
  }
  const consumer = await jetstream(nats).consumers.get("EVENTS");
  const history: Told[] = [];
  for await (const message of await consumer.consume()) {
    if (message.subject.startsWith("alert.")) history.push(message.json<Told>());
    if (history.length === told.length) break;
  }
  expect(history).toEqual(told);
  expect(story(history)).toEqual(["overpressure raised", "overpressure cleared", "overpressure raised"]);
});

test("a gateway that is killed while an alert is raised neither raises it again nor forgets it", async () => {
  const { folder, pressure, press } = await plant();
  const first = await spawnGateway(folder.dir);
  const before = await listen(await natsClient(first.addresses.nats));
  await vi.waitFor(() => expect(press.requests.length).toBeGreaterThan(10));
  pressure(210);
  await vi.waitFor(() => expect(story(before)).toEqual(["overpressure raised"]));
  first.kill("SIGKILL");
  await first.ended;
  press.unit().holding.put(100, "uint16", 900, "ABCD");
  const second = await spawnGateway(folder.dir);
  const nats = await natsClient(second.addresses.nats);
  const after = await listen(nats);
  const list = panel(nats);
  await vi.waitFor(async () =>
    expect(await list("list", {})).toMatchObject({
      alerts: expect.arrayContaining([
        expect.objectContaining({ alert: "overpressure", state: "unacknowledged", count: 1, sequence: 1 }),
        expect.objectContaining({ alert: "press-away", state: "normal" }),
      ]),
    }),
  );
  const seen = press.requests.length;
  await vi.waitFor(() => expect(press.requests.length).toBeGreaterThan(seen + 20));
  expect(story(after)).toEqual([]);
  // The operator's speed is left alone.
  expect(press.unit().holding.get(100)).toBe(900);
  pressure(150);
  await vi.waitFor(() => expect(story(after)).toEqual(["overpressure cleared"]));
});

test("a PLC that goes away is an alert, and a new limit is in force with no restart of a device", async () => {
  const { folder, press, pressure } = await plant();
  const { gateway, readings } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  await vi.waitFor(() => expect(readings.length).toBeGreaterThan(10));
  pressure(180);
  folder.write("alerts.yaml", alerts.replace("above: 200", "above: 170"));
  const loaded = await loadSite(folder.dir);
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues));
  expect(await gateway.apply(loaded.site)).toMatchObject({ restarted: [], added: [], removed: [] });
  await vi.waitFor(() => expect(story(told)).toEqual(["overpressure raised"]));
  await press.refuse();
  await vi.waitFor(() => expect(story(told)).toContain("press-away raised"));
});

const outside = `
gateway: test-gw
site: plant1/line1
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
services: { alerting: outside }
`;

test("alerting in a process of its own slows the press, shows its states on MQTT, and survives a kill", async () => {
  const { press, folder, pressure } = await plant();
  folder.write("gateway.yaml", outside);
  const { gateway } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  const running = ({ log }: ReturnType<typeof spawnNamed>) =>
    vi.waitFor(() => expect(log).toContainEqual(expect.objectContaining({ msg: "running" })));
  const first = spawnNamed("alerting", folder.dir, gateway.addresses.nats);
  await running(first);
  pressure(210);
  await vi.waitFor(() => expect(press.unit().holding.get(100)).toBe(300));
  await vi.waitFor(() => expect(story(told)).toEqual(["overpressure raised"]));
  const mqtt = await mqttClient(gateway.addresses.broker.mqtt);
  expect(JSON.parse(await mqtt.next("alert/plant1/line1/overpressure"))).toEqual(told[0]);
  first.kill("SIGKILL");
  await first.ended;
  const second = spawnNamed("alerting", folder.dir, gateway.addresses.nats);
  await running(second);
  const audit: object[] = [];
  nats.subscribe("audit.test-gw.alert", { callback: (_, message) => void audit.push(message.json()) });
  const ask = panel(nats);
  await vi.waitFor(async () =>
    expect(await ask("acknowledge", { alert: "overpressure" })).toMatchObject({ ok: true }),
  );
  pressure(150);
  await vi.waitFor(() =>
    expect(story(told)).toEqual(["overpressure raised", "overpressure acknowledged", "overpressure cleared"]),
  );
  await vi.waitFor(() => expect(audit).toMatchObject([{ action: "acknowledge", by: "anna", ok: true }]));
});
