import { expect, test, vi } from "vitest";
import { loadSite } from "../../src/config/load-site.ts";
import { openBucket } from "../../src/nats/bucket-looks.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { eventsFlow, listen, plants, pressAndWeld, story } from "../fixture/press-and-weld.ts";
import { runGateway } from "../fixture/running-gateway.ts";

test("a stroke of one PLC prepares the next by a write, confirmed by what is read back, told on NATS and MQTT", async () => {
  const { welder, folder, strokes } = await plants();
  const { gateway, readings } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  await eventsFlow(nats);
  const told = await listen(nats);
  const mqtt = await mqttClient(gateway.addresses.broker.mqtt);
  const onMqtt = mqtt.next("line/plant1/line1/weld/prepare");
  await vi.waitFor(() =>
    expect(readings.filter(({ quality }) => quality === "good").length).toBeGreaterThan(10),
  );
  strokes(1);
  await vi.waitFor(() =>
    expect(story(told)).toEqual(["press complete press-1", "weld prepare press-1", "weld confirmed press-1"]),
  );
  expect(welder.unit().holding.get(100)).toBe(900);
  // How long it took is reckoned for each as it goes out.
  expect(JSON.parse(await onMqtt)).toEqual({ ...told[1], latencyMs: expect.any(Number) });
  expect(told[1]).toMatchObject({ cycle: 1, from: "press", latencyMs: expect.any(Number) });
  const { host, port } = gateway.addresses.http;
  const page = await (await fetch(`http://${host}:${port}/metrics`)).text();
  expect(page).toMatch(/^linegate_line_prepare_seconds_count\{from="press",to="weld"\} 1$/m);
  expect(page).toMatch(/^linegate_line_confirm_seconds_count\{from="press",to="weld"\} 1$/m);
});

test("the line is a service on NATS: its state, a hold and a resume, each in the audit", async () => {
  const { folder, strokes } = await plants();
  const { gateway, readings } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  const audit: unknown[] = [];
  nats.subscribe("audit.test-gw.line", { callback: (_, message) => void audit.push(message.json()) });
  const ask = async (what: string, request: object = {}) =>
    (await nats.request(`scheduling.test-gw.${what}`, JSON.stringify(request))).json<object>();
  expect((await nats.request("$SRV.PING.scheduling")).json()).toMatchObject({
    metadata: { gateway: "test-gw" },
  });
  expect(await ask("hold", { station: "weld", by: "anna" })).toMatchObject({
    ok: true,
    held: { by: "anna" },
  });
  await vi.waitFor(() =>
    expect(readings.filter(({ quality }) => quality === "good").length).toBeGreaterThan(10),
  );
  strokes(1);
  await vi.waitFor(async () =>
    expect(await ask("state")).toMatchObject({
      stations: [{ name: "press" }, { name: "weld", phase: "idle", waiting: { press: ["press-1"] } }],
    }),
  );
  expect(await ask("resume", { station: "weld", by: "anna" })).toMatchObject({
    ok: true,
    // A welder that is quick has confirmed by the time of the answer.
    phase: expect.stringMatching(/^(preparing|working)$/),
  });
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"));
  expect(await ask("resume", { station: "weld", by: "anna" })).toMatchObject({
    ok: false,
    code: "WRITE_REFUSED",
  });
  await vi.waitFor(() => expect(audit).toHaveLength(3));
});

test("an edited line.yaml is in force at once, and the stations keep their parts", async () => {
  const { folder, strokes } = await plants();
  const { gateway, readings } = await runGateway(folder);
  const told = await listen(await natsClient(gateway.addresses.nats));
  await vi.waitFor(() =>
    expect(readings.filter(({ quality }) => quality === "good").length).toBeGreaterThan(10),
  );
  strokes(1);
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"));
  folder.write("line.yaml", `${pressAndWeld}  store: { after: weld }\n`);
  const loaded = await loadSite(folder.dir);
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues));
  await gateway.apply(loaded.site);
  strokes(2);
  await vi.waitFor(() => expect(story(told)).toContain("press complete press-2"));
  expect(told.filter(({ event }) => event === "prepare")).toHaveLength(1);
});

test("the bucket `line` holds each station as the request `state` has it, what it waits for included", async () => {
  const { welder, folder, strokes } = await plants();
  const { gateway, readings } = await runGateway(folder);
  const nats = await natsClient(gateway.addresses.nats);
  const told = await listen(nats);
  const state = async () => (await nats.request("scheduling.test-gw.state")).json<{ stations: unknown }>();
  const kv = await vi.waitFor(() => openBucket(nats, "line"));
  const held = async () => {
    const keys = ["press", "weld"].map((station) => `plant1.line1.${station}`);
    return Promise.all(keys.map(async (key) => (await kv.get(key))?.json()));
  };
  await vi.waitFor(() =>
    expect(readings.filter(({ quality }) => quality === "good").length).toBeGreaterThan(10),
  );
  strokes(1);
  await vi.waitFor(() => expect(story(told)).toContain("weld confirmed press-1"));
  await vi.waitFor(async () => expect(await held()).toEqual((await state()).stations));
  await welder.refuse();
  await vi.waitFor(async () => expect(await held()).toMatchObject([{}, { notReady: ["press-2"] }]));
});

test("a gateway that is killed in the middle of a cycle goes on where it was, and prepares nothing twice", async () => {
  const { welder, folder, strokes } = await plants();
  const first = await spawnGateway(folder.dir);
  const before = await listen(await natsClient(first.addresses.nats));
  await vi.waitFor(() => expect(welder.requests.length).toBeGreaterThan(10));
  strokes(1);
  await vi.waitFor(() => expect(story(before)).toContain("weld confirmed press-1"));
  strokes(2);
  await vi.waitFor(() => expect(story(before)).toContain("press complete press-2"));
  first.kill("SIGKILL");
  await first.ended;
  strokes(4);
  welder.unit().holding.put(10, "uint32", 1, "ABCD");
  const second = await spawnGateway(folder.dir);
  const nats = await natsClient(second.addresses.nats);
  await vi.waitFor(async () => {
    const reply = await nats.request("scheduling.test-gw.state");
    expect(reply.json()).toMatchObject({
      stations: [
        { name: "press", sequence: 4 },
        { name: "weld", part: "press-2", phase: "working", waiting: { press: ["press-3", "press-4"] } },
      ],
    });
  });
});
