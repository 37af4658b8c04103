import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { GatewayError } from "../../domain/errors.ts";
import { commandSetup, ManualClock, pressWith, type Behaviour } from "./testing.ts";

const tag = "motor.setpoint";
const device = pressWith({ max: 1500, maxStep: 100, heartbeat: { within: ms(5_000), failSafe: 0 } });
const held = "press-1/motor/setpoint";

function setUp(behaviour: Behaviour = {}, kept = new Map<string, Map<string, string>>()) {
  const clock = new ManualClock();
  const all = commandSetup({ device, clock, behaviour, kept });
  const values = () => all.written.map(({ value }) => value);
  return { clock, kept, values, ...all };
}

test("a writer that does not write again in time gets the fail-safe value written, and that is told", async () => {
  const { clock, values, request, reads, events, audit, kept, service } = setUp();
  reads("motor/setpoint", 950);
  await request(tag, { value: 1000, by: "mes" });
  expect([...(kept.get("write-heartbeats") ?? [])]).toEqual([[held, JSON.stringify({ writer: "mes" })]]);
  await clock.pass(4_900);
  await request(tag, { value: 1000, by: "mes" });
  await clock.pass(4_900);
  expect(values()).toEqual([1000, 1000]);
  await clock.pass(200);
  expect(values()).toEqual([1000, 1000, 0]);
  expect(events).toMatchObject([
    {
      device: "press-1",
      name: "heartbeat-lost",
      data: { tag: held, writer: "mes", within: "5s", failSafe: 0 },
    },
  ]);
  expect(audit.at(-1)).toMatchObject({
    by: "gateway:heartbeat",
    why: "mes has not written for 5s",
    value: 0,
    ok: true,
  });
  expect(service.heartbeats).toBe(0);
  expect(kept.get("write-heartbeats")?.size).toBe(0);
  await clock.pass(60_000);
  expect(values()).toHaveLength(3);
});

test("a writer that writes the fail-safe value itself has signed off", async () => {
  const { clock, values, request, reads } = setUp();
  reads("motor/setpoint", 60);
  await request(tag, { value: 50 });
  await request(tag, { value: 0 });
  await clock.pass(60_000);
  expect(values()).toEqual([50, 0]);
});

test("a refused write is no beat", async () => {
  const { clock, values, request, reads } = setUp();
  reads("motor/setpoint", 950);
  await request(tag, { value: 1000 });
  await clock.pass(4_000);
  await request(tag, { value: 1501 });
  await clock.pass(1_100);
  expect(values()).toEqual([1000, 0]);
});

test("a write that was not confirmed is no beat, and does not end the watch", async () => {
  let lies = false;
  const { clock, values, request, reads } = setUp({
    read: async (tags) =>
      tags.map((name) => ({ tag: name, value: lies ? 7 : 1000, quality: "good" as const })),
  });
  reads("motor/setpoint", 950);
  await request(tag, { value: 1000 });
  await clock.pass(4_000);
  lies = true;
  expect(await request(tag, { value: 1000 })).toMatchObject({ code: "DEVICE_REJECTED" });
  await clock.pass(900);
  expect(values()).toEqual([1000, 1000]);
  await clock.pass(200);
  expect(values()).toEqual([1000, 1000, 0]);
});

test("while the device is away the fail-safe value is tried again, ever less often, and told once", async () => {
  let away = false;
  const { clock, values, request, reads, events, service } = setUp({
    write: async () => {
      if (away)
        throw new GatewayError("DEVICE_UNREACHABLE", "press-1 is offline.", { context: { sent: false } });
    },
    read: async () => undefined,
  });
  reads("motor/setpoint", 950);
  await request(tag, { value: 1000 });
  away = true;
  await clock.pass(65_000);
  expect(values().length).toBeGreaterThan(4);
  expect(values().length).toBeLessThan(10);
  expect(events.map(({ name }) => name)).toEqual(["heartbeat-lost"]);
  away = false;
  await clock.pass(61_000);
  expect(service.heartbeats).toBe(0);
});

test("a writer that comes back while the fail-safe value can't be written is heard", async () => {
  let away = false;
  const { clock, values, request, reads, service } = setUp({
    write: async () => {
      if (away)
        throw new GatewayError("DEVICE_UNREACHABLE", "press-1 is offline.", { context: { sent: false } });
    },
    read: async () => undefined,
  });
  reads("motor/setpoint", 950);
  await request(tag, { value: 1000 });
  away = true;
  await clock.pass(5_500);
  away = false;
  await request(tag, { value: 1050 });
  await clock.pass(4_000);
  expect(values().at(-1)).toBe(1050);
  expect(service.heartbeats).toBe(1);
  await clock.pass(1_100);
  expect(values().at(-1)).toBe(0);
});

test("a kill of the gateway loses no watch: after the restart the writer has the whole time, then the value is written", async () => {
  const before = setUp();
  before.reads("motor/setpoint", 950);
  await before.request(tag, { value: 1000, by: "mes" });
  before.service.stop();
  const after = setUp({}, before.kept);
  await after.clock.pass(4_900);
  expect(after.values()).toEqual([]);
  await after.clock.pass(200);
  expect(after.values()).toEqual([0]);
  expect(after.audit).toMatchObject([{ by: "gateway:heartbeat", why: "mes has not written for 5s" }]);
});

test("a tag is armed on disk before its first value goes out", async () => {
  const kept = new Map<string, Map<string, string>>();
  const armed: unknown[] = [];
  const { request, reads } = setUp(
    {
      write: async () => void armed.push(kept.get("write-heartbeats")?.size),
      read: async () => undefined,
    },
    kept,
  );
  reads("motor/setpoint", 950);
  await request(tag, { value: 1000 });
  expect(armed).toEqual([1]);
});

test("a write that never reached the device leaves the watch as it was", async () => {
  const { clock, values, request, reads } = setUp({
    write: async ([one]) => {
      if (one?.value !== 0) throw new GatewayError("DEVICE_REJECTED", "IllegalDataValue.");
    },
    read: async () => undefined,
  });
  reads("motor/setpoint", 950);
  await request(tag, { value: 1000 });
  await clock.pass(5_100);
  expect(values()).toEqual([1000]);
});

test("a disk so slow that the write was answered before it was armed leaves it unwritten", async () => {
  const disk = Promise.withResolvers<void>();
  const { request, reads, written, service } = commandSetup({ device, disk: disk.promise });
  reads("motor/setpoint", 950);
  expect(await request(tag, { value: 1000 })).toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: expect.stringContaining("Nothing was written"),
  });
  disk.resolve();
  await expect.poll(() => service.heartbeats).toBe(0);
  expect(written).toEqual([]);
});
