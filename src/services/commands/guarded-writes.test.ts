import { expect, test } from "vitest";
import { systemClock } from "../../adapter-kit/clock.ts";
import { ms } from "../../domain/duration.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Sample } from "../../domain/reading.ts";
import { commandSetup, ManualClock, pressWith } from "./testing.ts";

const tag = "motor.setpoint";
const refused = (message: string) => ({
  ok: false,
  code: "WRITE_REFUSED",
  message: expect.stringContaining(message) as string,
});

test("a permissive tag must be good, not stale and say so, at the moment the write goes out", async () => {
  const clock = new ManualClock();
  const device = pressWith({ requires: [{ tag: "press-1/guard/closed", equals: true }] });
  const { request, reads, written, audit } = commandSetup({ device, clock });
  expect(await request(tag, { value: 1 })).toEqual(expect.objectContaining(refused("has no reading yet")));
  reads("guard/closed", false);
  expect(await request(tag, { value: 1 })).toMatchObject(
    refused("press-1/guard/closed must be true, and is false"),
  );
  reads("guard/closed", true, { quality: "uncertain", status: "Simulated" });
  expect(await request(tag, { value: 1 })).toMatchObject(refused("its quality is uncertain (Simulated)"));
  reads("guard/closed", true);
  expect(await request(tag, { value: 1 })).toMatchObject({ ok: true });
  await clock.pass(5_001);
  expect(await request(tag, { value: 2 })).toMatchObject(refused("its quality is bad (Stale)"));
  expect(written).toHaveLength(1);
  expect(audit.map(({ reason }) => reason)).toEqual([
    "permissive",
    "permissive",
    "permissive",
    undefined,
    "permissive",
  ]);
});

test("a permissive that changes while a write waits behind another stops it", async () => {
  const first = Promise.withResolvers<void>();
  const device = pressWith({ requires: [{ tag: "press-1/guard/closed", equals: true }] });
  const { request, reads, written } = commandSetup({
    device,
    behaviour: { write: () => first.promise, read: async () => undefined },
  });
  reads("guard/closed", true);
  const replies = [request(tag, { value: 1 }), request(tag, { value: 2 })];
  await expect.poll(() => written).toHaveLength(1);
  reads("guard/closed", false);
  first.resolve();
  expect(await Promise.all(replies)).toMatchObject([{ ok: true }, refused("is false")]);
  expect(written).toHaveLength(1);
});

test("a range is asked of a permissive tag as well", async () => {
  const device = pressWith({ requires: [{ tag: "press-1/ram/pressure", min: 1, max: 5 }] });
  const { request, reads } = commandSetup({ device });
  for (const [pressure, ok] of [
    [0.9, false],
    [1, true],
    [5, true],
    [5.1, false],
  ] as const) {
    reads("ram/pressure", pressure);
    expect(await request(tag, { value: 1 })).toMatchObject({ ok });
  }
});

test("a step that is too large is refused, reckoned from the last reading or from the last write", async () => {
  const { request, reads } = commandSetup({ device: pressWith({ maxStep: 200 }) });
  expect(await request(tag, { value: 100 })).toMatchObject(refused("its present value is not known"));
  reads("motor/setpoint", 1000);
  expect(await request(tag, { value: 1201 })).toMatchObject(
    refused("from 1000 rpm to 1201 rpm is more than one step, 200 rpm"),
  );
  expect(await request(tag, { value: 1200 })).toMatchObject({ ok: true });
  expect(await request(tag, { value: 1400 })).toMatchObject({ ok: true });
  expect(await request(tag, { value: 1000 })).toMatchObject(refused("more than one step"));
  reads("motor/setpoint", null, { quality: "bad", status: "DeviceOffline" });
  expect(await request(tag, { value: 1400 })).toMatchObject(refused("not known for good (DeviceOffline)"));
});

test("after a write that was not confirmed a step needs a new reading, as the device may hold either value", async () => {
  let answers = false;
  const device = pressWith({ maxStep: 10, onFailure: "none" });
  const { request, reads } = commandSetup({
    device,
    clock: systemClock,
    behaviour: {
      write: async () => {
        if (!answers) throw new GatewayError("DEVICE_UNREACHABLE", "The connection ended.");
      },
      read: async () => undefined,
    },
  });
  reads("motor/setpoint", 100);
  expect(await request(tag, { value: 105 })).toMatchObject({ code: "DEVICE_UNREACHABLE" });
  answers = true;
  expect(await request(tag, { value: 105 })).toMatchObject(refused("not known for good"));
  reads("motor/setpoint", 105);
  expect(await request(tag, { value: 115 })).toMatchObject({ ok: true });
});

test("a rate lets a value move so far in so much time, and says when the rest may come", async () => {
  const clock = new ManualClock();
  const { request, reads } = commandSetup({
    device: pressWith({ rate: { max: 100, per: ms(1_000) } }),
    clock,
  });
  reads("motor/setpoint", 0);
  expect(await request(tag, { value: 60 })).toMatchObject({ ok: true });
  expect(await request(tag, { value: 0 })).toMatchObject(
    refused("faster than 100 rpm per 1s. It may be tried again in 200ms"),
  );
  expect(await request(tag, { value: 100 })).toMatchObject({ ok: true });
  await clock.pass(500);
  expect(await request(tag, { value: 151 })).toMatchObject(refused("tried again in 10ms"));
  expect(await request(tag, { value: 150 })).toMatchObject({ ok: true });
  await clock.pass(60_000);
  expect(await request(tag, { value: 251 })).toMatchObject(refused("It takes several smaller writes"));
  expect(await request(tag, { value: 250 })).toMatchObject({ ok: true });
});

test("a dry run makes every check and writes nothing", async () => {
  const device = pressWith({
    max: 100,
    maxStep: 50,
    confirm: true,
    heartbeat: { within: ms(1_000), failSafe: 0 },
  });
  const { request, reads, written, audit, service } = commandSetup({ device });
  reads("motor/setpoint", 0);
  expect(await request(tag, { value: 50, dryRun: true })).toEqual({
    ok: true,
    dryRun: true,
    tookMs: expect.any(Number),
  });
  expect(await request(tag, { value: 51, dryRun: true })).toMatchObject(refused("one step"));
  expect(await request(tag, { value: 101, dryRun: true })).toMatchObject(refused("above the most"));
  expect(written).toEqual([]);
  expect(service.heartbeats).toBe(0);
  expect(audit).toMatchObject([
    { dryRun: true, ok: true },
    { dryRun: true, ok: false },
    { dryRun: true, ok: false },
  ]);
});

test.each([
  [{ dryrun: true }, "Was dryRun meant?"],
  [{ dry_run: true }, "Was dryRun meant?"],
  [{ expiresInMS: 5 }, "Was expiresInMs meant?"],
  [{ dryRun: "yes" }, "neither true nor false"],
  [{ expiresInMs: "5s" }, "no number of ms"],
  [{ why: 7 }, "why in the request is no text"],
  [{ by: "x".repeat(201) }, "longer than 200 characters"],
])("a request that may mean something else than it says is refused: %j", async (more, message) => {
  const { request, written } = commandSetup({});
  expect(await request(tag, { value: 1, ...more })).toMatchObject(refused(message));
  expect(written).toEqual([]);
});

test("keys of the sender's own are let be", async () => {
  const { request } = commandSetup({});
  expect(await request(tag, { value: 1, order: 7, timestamp: 1 })).toMatchObject({ ok: true });
});

test("an order is not written after its time, however that is given", async () => {
  const clock = new ManualClock();
  const { request, written } = commandSetup({ clock });
  expect(await request(tag, { value: 1, notAfter: clock.now() - 1 })).toMatchObject(refused("had expired"));
  expect(await request(tag, { value: 1, notAfter: clock.now() + 100, expiresInMs: 50 })).toMatchObject({
    ok: true,
  });
  expect(written).toHaveLength(1);
});

test("what is read back may be off by the tolerance, in the tag's unit, and by no more", async () => {
  let held = 0;
  const { request } = commandSetup({
    device: pressWith({ tolerance: 0.5 }, { scale: 0.1 }),
    behaviour: { read: async () => [{ tag: "motor/setpoint", value: held, quality: "good" }] },
  });
  held = 1005;
  expect(await request(tag, { value: 100 })).toMatchObject({ ok: true, readBack: 100.5 });
  held = 1006;
  expect(await request(tag, { value: 100 })).toMatchObject({ ok: false, readBack: expect.closeTo(100.6) });
});

test.each([
  ["retry-once", 2, ["write-unconfirmed"]],
  ["alert", 1, ["write-unconfirmed"]],
  [undefined, 1, ["write-unconfirmed"]],
  ["none", 1, []],
] as const)(
  "where what is read back is another value, onFailure %s makes %i writes and the events %j",
  async (onFailure, writes, told) => {
    const { request, written, events, audit } = commandSetup({
      device: pressWith(onFailure === undefined ? {} : { onFailure }),
      behaviour: { read: async () => [{ tag: "motor/setpoint", value: 7, quality: "good" }] },
    });
    expect(await request(tag, { value: 9 })).toMatchObject({
      ok: false,
      code: "DEVICE_REJECTED",
      readBack: 7,
    });
    expect(written).toHaveLength(writes);
    expect(events.map(({ name }) => name)).toEqual(told);
    expect(audit).toMatchObject([{ ok: false, reason: "read-back", readBack: 7 }]);
  },
);

test("a second write that helps is a write that was done, and says so in the audit", async () => {
  const values = [7, 9];
  const { request, written, events, audit } = commandSetup({
    device: pressWith({ onFailure: "retry-once" }),
    behaviour: {
      read: async (): Promise<Sample[]> => [
        { tag: "motor/setpoint", value: values.shift() ?? null, quality: "good" },
      ],
    },
  });
  expect(await request(tag, { value: 9 })).toMatchObject({ ok: true, readBack: 9 });
  expect(written).toHaveLength(2);
  expect(events).toEqual([]);
  expect(audit).toMatchObject([{ ok: true, retried: true }]);
});

test("a write that the device refused leaves nothing to tell: nothing was written", async () => {
  const { request, events } = commandSetup({
    behaviour: {
      write: async () => {
        throw new GatewayError("DEVICE_REJECTED", "IllegalDataValue.");
      },
    },
  });
  expect(await request(tag, { value: 9 })).toMatchObject({
    ok: false,
    message: expect.stringContaining("Nothing was written"),
  });
  expect(events).toEqual([]);
});

test("who asked is in the audit: a user's name where the way in proves it, else as a claim", async () => {
  const { request, publish, audit, mqtt } = commandSetup({ users: { "hmi-1": "operator" } });
  await request(tag, { value: 1, by: "mes", why: "order 42" });
  publish("cmd/plant1/press-1/motor/setpoint", { value: 2, by: "somebody else" });
  await expect.poll(() => mqtt).toHaveLength(1);
  expect(audit).toMatchObject([
    { via: "nats", claimedBy: "mes", why: "order 42" },
    { via: "mqtt", client: "hmi-1", user: "operator", claimedBy: "somebody else" },
  ]);
  expect(audit[0]).not.toHaveProperty("user");
});

test("a dry run says what the write would have met at a device that is away", async () => {
  const { request, written, audit } = commandSetup({
    device: pressWith({}),
    behaviour: {
      mayWrite: () => {
        throw new GatewayError("DEVICE_UNREACHABLE", "press-1 is offline.", { context: { sent: false } });
      },
    },
  });
  expect(await request(tag, { value: 1, dryRun: true })).toMatchObject({
    ok: false,
    code: "DEVICE_UNREACHABLE",
    reason: "device-unreachable",
    message: "press-1/motor/setpoint: press-1 is offline. Nothing was written.",
  });
  expect(written).toEqual([]);
  expect(audit).toMatchObject([{ dryRun: true, ok: false, code: "DEVICE_UNREACHABLE" }]);
});
