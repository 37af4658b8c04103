import { jetstream } from "@nats-io/jetstream";
import { expect, onTestFinished, test, vi } from "vitest";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { natsClient, requestWrite } from "../fixture/nats-client.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { runGateway, tagOf } from "../fixture/running-gateway.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

async function line() {
  const plc = await ModbusSimulator.start();
  onTestFinished(() => plc.refuse());
  plc.unit().holding.put(40, "float32", 1824, "CDAB");
  const folder = new SiteFolder({ "devices/press-1.yaml": pressFile("press-1", plc.port) });
  const running = await runGateway(folder);
  const nats = await natsClient(running.gateway.addresses.nats);
  return { plc, folder, nats, ...running };
}

const pressureSubject = "data.plant1.line1.press-1.ram.pressure";
const pressureTopic = "data/plant1/line1/press-1/ram/pressure";
const setpointSubject = "cmd.plant1.line1.press-1.motor.setpoint";
const contract = {
  value: 182.4,
  quality: "good",
  timestamp: expect.any(Number),
  unit: "bar",
  sequence: expect.any(Number),
};

test("a register becomes the same reading on its NATS subject and on its MQTT topic", async () => {
  const { gateway, nats, readings } = await line();
  const received = Promise.withResolvers<unknown>();
  nats.subscribe(pressureSubject, { callback: (_, message) => received.resolve(message.json()) });
  expect(await received.promise).toEqual(contract);
  const mqtt = await mqttClient(gateway.addresses.broker.mqtt);
  expect(JSON.parse(await mqtt.next(pressureTopic))).toEqual(contract);
  const sequences = readings
    .filter((reading) => tagOf(reading, "press-1") === "ram/pressure")
    .map((r) => r.sequence);
  expect(sequences).toEqual(sequences.map((_, index) => index + 1));
});

test("a late joiner gets the last reading of every tag from LATEST, then the changes, from one consumer", async () => {
  const { nats, reading } = await line();
  await reading((next) => tagOf(next, "press-1") === "motor/setpoint");
  const consumer = await jetstream(nats).consumers.get("LATEST", {
    filter_subjects: "data.plant1.line1.press-1.>",
    deliver_policy: "last_per_subject",
  });
  const subjects = new Set<string>();
  let messages = 0;
  for await (const message of await consumer.consume()) {
    subjects.add(message.subject);
    messages += 1;
    if (subjects.size === 4 && messages > 8) break;
  }
  expect(subjects).toContain(pressureSubject);
});

test("a write by NATS request is checked on the PLC, read back, and audited", async () => {
  const { plc, nats, reading } = await line();
  const audited = Promise.withResolvers<unknown>();
  nats.subscribe("audit.test-gw.write", { callback: (_, message) => audited.resolve(message.json()) });
  await reading((next) => next.quality === "good");
  expect(await requestWrite(nats, setpointSubject, { value: 1200, id: 7 })).toEqual({
    ok: true,
    readBack: 1200,
    tookMs: expect.any(Number),
    id: 7,
  });
  expect(plc.unit().holding.get(100)).toBe(1200);
  expect(await audited.promise).toMatchObject({
    tag: "press-1/motor/setpoint",
    value: 1200,
    ok: true,
    via: "nats",
  });
});

test("a write by MQTT is answered on the reply topic, and the changed value is published at once", async () => {
  const { gateway, reading } = await line();
  await reading((next) => next.quality === "good");
  const mqtt = await mqttClient(gateway.addresses.broker.mqtt);
  const topic = "cmd/plant1/line1/press-1/motor/setpoint";
  const changed = reading((next) => next.value === 900);
  const reply = mqtt.next(`${topic}/reply`);
  await mqtt.publish(topic, JSON.stringify({ value: 900 }));
  expect(JSON.parse(await reply)).toMatchObject({ ok: true, readBack: 900 });
  expect((await changed).path.topic).toBe("data/plant1/line1/press-1/motor/setpoint");
});

test("a write to a tag without a write entry, beyond its limits or to nobody is refused, and reaches no PLC", async () => {
  const { plc, nats, reading } = await line();
  await reading((next) => next.quality === "good");
  for (const [subject, value] of [
    ["cmd.plant1.line1.press-1.ram.pressure", 1],
    [setpointSubject, 1501],
    ["cmd.plant1.line1.press-9.motor.setpoint", 1],
  ] as const) {
    expect(await requestWrite(nats, subject, { value })).toMatchObject({ ok: false, code: "WRITE_REFUSED" });
  }
  expect(plc.requests.filter(({ functionCode }) => ![1, 2, 3, 4].includes(functionCode))).toEqual([]);
});

test("health and metrics are true to life", async () => {
  const { plc, gateway, nats, reading } = await line();
  await reading((next) => next.quality === "good");
  const { host, port } = gateway.addresses.http;
  const look = async (path: string) => fetch(`http://${host}:${port}${path}`);
  expect(await (await look("/healthz")).json()).toMatchObject({ ok: true, devices: { "press-1": "online" } });
  await requestWrite(nats, setpointSubject, { value: 5 });
  const page = await (await look("/metrics")).text();
  expect(page).toMatch(/^linegate_readings_total\{device="press-1"\} [1-9]/m);
  expect(page).toMatch(/^linegate_round_trip_seconds_count\{device="press-1"\} [1-9]/m);
  expect(page).toMatch(/^linegate_read_to_nats_seconds_count [1-9]/m);
  expect(page).toMatch(/^linegate_nats_published_total [1-9]/m);
  expect(page).toMatch(/^linegate_writes_total\{outcome="written"\} 1$/m);
  expect(page).toMatch(/^linegate_device_state\{device="press-1",state="online"\} 1$/m);
  expect(page).toMatch(/^process_resident_memory_bytes [1-9]/m);
  plc.freeze();
  await vi.waitFor(async () =>
    expect(await (await look("/healthz")).json()).toMatchObject({ devices: { "press-1": "offline" } }),
  );
});
