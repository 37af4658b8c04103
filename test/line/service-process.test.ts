import { jetstream } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { hash } from "bcrypt";
import { expect, onTestFinished, test, vi } from "vitest";
import { openBucket } from "../../src/nats/bucket-looks.ts";
import { freePort } from "../../src/adapter-kit/free-port.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { listen, plants, pressAndWeld, story } from "../fixture/press-and-weld.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { spawnService } from "../fixture/service-process.ts";

const gatewayFile = (nats = "127.0.0.1:0", more = "") => `
gateway: test-gw
site: plant1/line1
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: "${nats}", maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
services: { scheduling: outside }
${more}`;

const often = { interval: 20 };

type Service = ReturnType<typeof spawnService>;

const running = ({ log }: Service) =>
  vi.waitFor(() => expect(log).toContainEqual(expect.objectContaining({ msg: "running" })));

/** The welder waits for the press's counter too: what the service has not read yet makes it not ready. */
const line = pressAndWeld.replace(
  "after: press\n",
  "after: press\n    ready: [{ tag: press-1/cycle/count, above: -1 }]\n",
);

/** Resolves when the service has read the counter and sees the devices. */
const reads = (nats: NatsConnection) =>
  vi.waitFor(async () => {
    const { stations } = (await nats.request("scheduling.test-gw.state")).json<{ stations: object[] }>();
    expect(stations[1]).toMatchObject({ notReady: [] });
  }, often);

/** The line events that the stream EVENTS holds. */
async function stored(client: NatsConnection): Promise<Awaited<ReturnType<typeof listen>>> {
  const consumer = await jetstream(client).consumers.get("EVENTS", { filter_subjects: "line.>" });
  const events: Awaited<ReturnType<typeof listen>> = [];
  for await (const message of await consumer.fetch({ max_messages: 50, expires: 1_000 }))
    events.push(message.json());
  return events;
}

test("scheduling in a process of its own: a stroke prepares the next station, told on NATS and MQTT, audited by the gateway", async () => {
  const { welder, folder, strokes } = await plants({ "gateway.yaml": gatewayFile(), "line.yaml": line });
  const { gateway } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  const audit: object[] = [];
  nats.subscribe("audit.test-gw.*", { callback: (_, message) => void audit.push(message.json()) });
  const mqtt = await mqttClient(gateway.addresses.broker.mqtt);
  const onMqtt = mqtt.next("line/plant1/line1/weld/prepare");
  strokes(1);
  expect(await nats.request("scheduling.test-gw.state").catch(String)).toMatch(/no responders/i);
  const service = spawnService(folder.dir, gateway.addresses.nats);
  await running(service);
  await reads(nats);
  strokes(2);
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"), often);
  expect(story(told)).toEqual(["press complete press-1", "weld prepare press-1", "weld confirmed press-1"]);
  expect(welder.unit().holding.get(100)).toBe(900);
  expect(JSON.parse(await onMqtt)).toEqual({ ...told[1], latencyMs: expect.any(Number) });
  const hold = await nats.request("scheduling.test-gw.hold", JSON.stringify({ station: "weld", by: "anna" }));
  expect(hold.json()).toMatchObject({ ok: true });
  await vi.waitFor(() =>
    expect(audit.slice(1)).toEqual([
      expect.objectContaining({ claimedBy: "service:scheduling", ok: true }),
      expect.objectContaining({ action: "hold", by: "anna", ok: true }),
    ]),
  );
  const kv = await vi.waitFor(() => openBucket(nats, "line"), often);
  await expect
    .poll(async () => (await kv.get("plant1.line1.weld"))?.json())
    .toMatchObject({ held: { by: "anna" } });
  service.kill("SIGTERM");
  expect(await service.ended).toBe(0);
});

test("its health and figures are served where --http says, on what it does and sees of the gateway", async () => {
  const { folder, strokes } = await plants({ "gateway.yaml": gatewayFile(), "line.yaml": line });
  const { gateway } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  const service = spawnService(folder.dir, gateway.addresses.nats, "--http", "127.0.0.1:0");
  await running(service);
  await reads(nats);
  strokes(1);
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"), often);
  const [address] = service.log.flatMap(({ http }) => (http as { port: number } | undefined) ?? []);
  const get = (path: string) => fetch(`http://127.0.0.1:${address?.port}${path}`);
  const page = await (await get("/metrics")).text();
  expect(page).toContain('linegate_line_prepare_seconds_count{from="press",to="weld"} 1\n');
  expect(page).toContain('linegate_line_events_total{station="press",event="complete"} 1\n');
  expect(page).toMatch(/^process_resident_memory_bytes [1-9]\d+$/m);
  const health = await get("/healthz");
  expect(health.status).toBe(200);
  expect(await health.json()).toMatchObject({
    ok: true,
    gateway: "test-gw",
    parts: { nats: { ok: true }, gateway: { ok: true }, store: { ok: true } },
    devices: { "press-1": "online", "press-2": "online" },
  });
  expect((await get("/frames")).status).toBe(404);
  await gateway.stop();
  await expect.poll(async () => (await get("/healthz")).status, often).toBe(503);
});

test("an address that is none, or taken, is refused with the option's name", async () => {
  const { folder } = await plants({ "gateway.yaml": gatewayFile(), "line.yaml": line });
  const { gateway } = await runGateway(folder);
  const { host, port } = gateway.addresses.http;
  const taken = spawnService(folder.dir, gateway.addresses.nats, "--http", `${host}:${port}`);
  expect(await taken.ended).toBe(1);
  expect(taken.log.map(({ msg }) => msg).join()).toMatch(/another program listens there. Check --http/);
  const none = spawnService(folder.dir, gateway.addresses.nats, "--http", "everywhere");
  expect(await none.ended).toBe(1);
  expect(none.log.map(({ msg }) => msg).join()).toContain("--http everywhere");
});

test("a service that is killed in the middle of a cycle goes on where it was, and prepares nothing twice", async () => {
  const { welder, folder, strokes } = await plants({ "gateway.yaml": gatewayFile(), "line.yaml": line });
  const { gateway } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  const first = spawnService(folder.dir, gateway.addresses.nats);
  await running(first);
  await reads(nats);
  strokes(1);
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"), often);
  strokes(2);
  await vi.waitFor(() => expect(story(told)).toContain("press complete press-2"), often);
  first.kill("SIGKILL");
  await first.ended;
  strokes(4);
  const before = told.length;
  const second = spawnService(folder.dir, gateway.addresses.nats);
  await running(second);
  await vi.waitFor(() => expect(story(told)).toContain("press complete press-4"), often);
  welder.unit().holding.put(10, "uint32", 1, "ABCD");
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-2"), often);
  const fresh = told.slice(before).filter(({ repeated }) => repeated !== true);
  expect(fresh.map(({ station, event, part }) => `${station} ${event} ${part}`)).toEqual([
    "press complete press-3",
    "press complete press-4",
    "weld complete press-1",
    "weld prepare press-2",
    "weld confirmed press-2",
  ]);
  expect(new Set(fresh.map(({ station, sequence }) => `${station} ${String(sequence)}`)).size).toBe(5);
});

test("a gateway that is away, and its nats-server with it, is waited for, and the line goes on with it", async () => {
  const port = await freePort();
  const nats = `nats://127.0.0.1:${port}`;
  const { welder, folder, strokes } = await plants({
    "gateway.yaml": gatewayFile(`127.0.0.1:${port}`),
    "line.yaml": line,
  });
  const service = spawnService(folder.dir, nats);
  await vi.waitFor(
    () => expect(service.log).toContainEqual(expect.objectContaining({ level: "warn" })),
    often,
  );
  const first = await spawnGateway(folder.dir);
  await running(service);
  const client = await natsClient(nats);
  const told = await listen(client);
  await reads(client);
  strokes(1);
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"), often);
  first.kill("SIGKILL");
  await first.ended;
  strokes(3);
  welder.unit().holding.put(10, "uint32", 1, "ABCD");
  await spawnGateway(folder.dir);
  // Who listens may come back later than the service does: the stream has it all.
  await expect.poll(async () => story(await stored(client))).toContain("weld confirmed press-2");
  const events = await stored(client);
  expect(events.filter(({ event }) => event === "prepare").map(({ part }) => part)).toEqual([
    "press-1",
    "press-2",
  ]);
  expect(events.find(({ part, event }) => part === "press-3" && event === "complete")).toMatchObject({
    recovered: true,
  });
  const second = spawnService(folder.dir, nats);
  expect(await second.ended).toBe(1);
  expect(second.log.map(({ msg }) => msg).join()).toMatch(/runs already/);
});

test("with users the service logs in as its own, which may do no more than it needs", async () => {
  const passwordHash = await hash("let me in", 4);
  const users = `users:
  scheduler: { passwordHash: "${passwordHash}", service: scheduling }
  watcher: { passwordHash: "${passwordHash}", read: ["#"] }
`;
  const { folder, strokes } = await plants({
    "gateway.yaml": gatewayFile("127.0.0.1:0", users),
    "line.yaml": line,
  });
  const { gateway } = await runGateway(folder);
  const login = (user: string) => connect({ servers: gateway.addresses.nats, user, pass: "let me in" });
  const [watcher, scheduler] = [await login("watcher"), await login("scheduler")];
  onTestFinished(async () => {
    await watcher.close();
    await scheduler.close();
  });
  const told = await listen(watcher);
  const secret = ["--user", "scheduler", "--password", "env:SCHEDULER"];
  const service = spawnService(folder.dir, gateway.addresses.nats, ...secret);
  await running(service);
  await reads(watcher);
  strokes(1);
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"), often);
  const state = async () => (await watcher.request("scheduling.test-gw.state")).json();
  await vi.waitFor(async () => expect(await state()).toMatchObject({ stations: [{}, { phase: "working" }] }));
  const kv = await vi.waitFor(() => openBucket(watcher, "line"), often);
  await expect
    .poll(async () => (await kv.get("plant1.line1.weld"))?.json())
    .toMatchObject({ part: "press-1" });
  const fooled = vi.fn<() => void>();
  watcher.subscribe("data.plant1.line1.fake", { callback: fooled });
  await watcher.flush();
  scheduler.publish("data.plant1.line1.fake", "1");
  await scheduler.flush();
  await watcher.flush();
  expect(fooled).not.toHaveBeenCalled();
  expect(service.log.filter(({ level }) => level !== "info")).toEqual([]);
});

test("a service that the gateway runs itself is refused", async () => {
  const { folder } = await plants({ "line.yaml": pressAndWeld });
  const service = spawnService(folder.dir, "nats://127.0.0.1:1");
  expect(await service.ended).toBe(1);
  expect(service.log.map(({ msg }) => msg).join()).toMatch(/services: \{ scheduling: outside \}/);
});
