import { once } from "node:events";
import { expect, test, vi } from "vitest";
import { systemClock } from "../../adapter-kit/clock.ts";
import { ms } from "../../domain/duration.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { TagValue } from "../../domain/reading.ts";
import { commandSetup, pressOf, type Behaviour } from "./testing.ts";

const device = pressOf([
  {
    name: "motor/setpoint",
    options: {},
    value: { kind: "integer", min: 0n, max: 65_535n },
    scale: 0.5,
    offset: 0,
    unit: "rpm",
    write: { min: 0, max: 1500, options: {} },
  },
  {
    name: "program/start",
    options: {},
    value: { kind: "json" },
    scale: 1,
    offset: 0,
    write: { answers: true, options: {} },
  },
  { name: "ram/pressure", options: {}, value: { kind: "float" }, scale: 1, offset: 0 },
]);

const setUp = (behaviour: Behaviour = {}) => commandSetup({ device, behaviour });

test("a write is scaled, read back, answered and audited", async () => {
  const { request, held, audit } = setUp();
  expect(await request("motor.setpoint", { value: 1200, id: "a1" })).toEqual({
    ok: true,
    readBack: 1200,
    tookMs: expect.any(Number),
    id: "a1",
  });
  expect(held.get("motor/setpoint")).toBe(2400);
  expect(audit).toMatchObject([
    {
      subject: "audit.line1-gw.write",
      tag: "press-1/motor/setpoint",
      value: 1200,
      readBack: 1200,
      via: "nats",
      ok: true,
      id: "a1",
    },
  ]);
});

test("a reading that JetStream delivers to a command's subject is no request: it keeps a subject of its own", async () => {
  const { deliver, request, held, audit } = setUp();
  deliver("event.plant1.press-1.motor.setpoint", { value: 1 });
  deliver("dat.plant1.press-1.motor.setpoint", { value: 1 });
  await request("motor.setpoint", { value: 1200 });
  expect(audit).toHaveLength(1);
  expect(held.get("motor/setpoint")).toBe(2400);
});

test("what a called method gives back is its answer, not a failed write", async () => {
  const { request } = setUp({
    read: async () => [{ tag: "program/start", value: ["job", 7], quality: "good" }],
  });
  expect(await request("program.start", { value: [42] })).toMatchObject({ ok: true, readBack: ["job", 7] });
});

test.each([
  ["a tag with no write entry", "ram.pressure", { value: 1 }, "may only be read"],
  ["a tag that is not there", "ram.speed", { value: 1 }, 'press-1 has no tag "ram/speed"'],
  ["a value beyond the limits", "motor.setpoint", { value: 1501 }, "above the most"],
  ["a request without a value", "motor.setpoint", { setpoint: 1 }, "no value"],
  ["what is not JSON", "motor.setpoint", "1200 rpm", "not JSON"],
])("%s is refused, and nothing is written", async (_, tag, payload, message) => {
  const { request, held, audit, service } = setUp();
  expect(await request(tag, payload)).toMatchObject({
    ok: false,
    code: "WRITE_REFUSED",
    message: expect.stringContaining(message),
  });
  expect(held.size).toBe(0);
  expect(audit).toHaveLength(1);
  expect(service.counters).toEqual({ writes: 0, refused: 1, failed: 0 });
});

test("a device that holds another value afterwards is said so, with the value", async () => {
  const { request } = setUp({ read: async () => [{ tag: "motor/setpoint", value: 2000, quality: "good" }] });
  expect(await request("motor.setpoint", { value: 1200 })).toMatchObject({
    ok: false,
    code: "DEVICE_REJECTED",
    readBack: 1000,
  });
});

test("a device that does not answer is said so within the deadline", async () => {
  const { request } = setUp({ write: () => new Promise(() => {}) });
  expect(await request("motor.setpoint", { value: 1200, id: 7 })).toMatchObject({
    ok: false,
    code: "DEVICE_TIMEOUT",
    message: expect.stringContaining("not confirmed within 200ms"),
    id: 7,
  });
});

test("a device that is away is said so at once, and that nothing was written", async () => {
  const { request } = setUp({
    write: async () => {
      throw new GatewayError("DEVICE_UNREACHABLE", "press-1 is offline.", { context: { sent: false } });
    },
  });
  expect(await request("motor.setpoint", { value: 1200 })).toMatchObject({
    ok: false,
    code: "DEVICE_UNREACHABLE",
    message: "press-1/motor/setpoint: press-1 is offline. Nothing was written.",
  });
});

test("a connection that ends under a write is answered with what may have happened", async () => {
  const gone = async () => {
    throw new GatewayError("DEVICE_UNREACHABLE", "The connection to press-1 ended meanwhile.");
  };
  const during = setUp({ write: gone });
  expect(await during.request("motor.setpoint", { value: 1 })).toMatchObject({
    message: expect.stringContaining("may have been written all the same"),
  });
  const after = setUp({ read: gone });
  expect(await after.request("motor.setpoint", { value: 1 })).toMatchObject({
    message: expect.stringContaining("was written, but not read back"),
  });
});

test("writes to one device that come at once are each read back as their own value", async () => {
  const { request } = setUp();
  const replies = await Promise.all([1, 2, 3, 4].map((value) => request("motor.setpoint", { value })));
  expect(replies).toMatchObject([1, 2, 3, 4].map((readBack) => ({ ok: true, readBack })));
});

test.each([{ id: { order: 7 } }, { id: null }, { id: [1] }, { id: "a" }])(
  "any id comes back as it was: %j",
  async ({ id }) => {
    const { request } = setUp();
    expect(await request("motor.setpoint", { value: 1, id })).toMatchObject({ ok: true, id });
    expect(await request("ram.pressure", { value: 1, id })).toMatchObject({ ok: false, id });
  },
);

test("a whole number beyond 2^53 keeps its digits in the id, and is refused where a structure would lose them", async () => {
  const { request } = setUp();
  const raw = (json: string) => request("motor.setpoint", json);
  expect(await raw('{"value":1,"id":9007199254740993}')).toMatchObject({ ok: true, id: "9007199254740993" });
  expect(await raw('{"value":9007199254740993,"id":[9007199254740993]}')).toMatchObject({
    ok: false,
    reason: "range",
    id: ["9007199254740993"],
  });
});

test("a device that can't be read back is answered without a read back", async () => {
  const { request } = setUp({ read: async () => undefined });
  expect(await request("motor.setpoint", { value: 1200 })).toEqual({ ok: true, tookMs: expect.any(Number) });
});

test("a write over MQTT is answered on the reply topic; a retained one and the replies themselves are not taken", async () => {
  const { publish, mqtt, held, audit } = setUp();
  const topic = "cmd/plant1/press-1/motor/setpoint";
  publish(topic, { value: 600 }, true);
  publish(`${topic}/reply`, { value: 700 });
  publish(topic, { value: 800, id: "h" });
  await vi.waitFor(() => expect(mqtt).toHaveLength(1));
  expect(mqtt[0]).toMatchObject({ topic: `${topic}/reply`, reply: { ok: true, readBack: 800, id: "h" } });
  expect(held.get("motor/setpoint")).toBe(1600);
  expect(audit).toMatchObject([{ via: "mqtt", client: "hmi-1" }]);
});

test("a service's order is guarded, read back and audited with who and why, as every other write is", async () => {
  const { service, held, audit } = setUp();
  const order = { tag: "press-1/motor/setpoint", by: "service:scheduling", why: "press/complete part 42" };
  expect(await service.write({ ...order, value: 900 })).toEqual({
    ok: true,
    readBack: 900,
    tookMs: expect.any(Number),
  });
  expect(held.get("motor/setpoint")).toBe(1800);
  expect(await service.write({ ...order, value: 1501 })).toMatchObject({ ok: false, code: "WRITE_REFUSED" });
  const { by, why, tag } = order;
  expect(audit).toMatchObject([
    { tag, by, why, via: "service", ok: true },
    { tag, by, why, via: "service", ok: false },
  ]);
});

test("an order that had to wait for longer than it is good for is refused", async () => {
  const blocked = Promise.withResolvers<void>();
  const written: TagValue[] = [];
  const { service } = setUp({
    write: async ([one]) => {
      if (one !== undefined) written.push(one.value);
      await blocked.promise;
    },
    read: async () => undefined,
  });
  const order = { tag: "press-1/motor/setpoint", by: "service:scheduling" };
  const first = service.write({ ...order, value: 10 });
  const second = service.write({ ...order, value: 20, expiresInMs: 0 });
  await vi.waitFor(() => expect(written).toEqual([20]));
  blocked.resolve();
  expect(await first).toMatchObject({ ok: true });
  expect(await second).toMatchObject({
    ok: false,
    code: "WRITE_REFUSED",
    message: expect.stringContaining("expired"),
  });
  expect(written).toEqual([20]);
});

test("a flood of writes to one device refuses neither those to another nor the gateway's own, and says that it may be tried again", async () => {
  const blocked = Promise.withResolvers<void>();
  const { service, request, other, written } = commandSetup({
    device,
    neighbour: "press-2",
    deadline: ms(10_000),
    behaviour: {
      write: async () => blocked.promise,
      read: async () => undefined,
    },
  });
  const flood = Array.from({ length: 256 }, (_, value) => request("motor.setpoint", { value }));
  await expect.poll(() => written).toHaveLength(1);
  expect(await request("motor.setpoint", { value: 1 })).toMatchObject({
    ok: false,
    code: "WRITE_REFUSED",
    reason: "busy",
    message: "press-1/motor/setpoint: 256 writes to press-1 are under way already.",
  });
  const others = other("motor.setpoint", { value: 7 });
  const own = service.write({ tag: "press-1/motor/setpoint", value: 8, by: "service:alerting" });
  await expect.poll(() => written).toHaveLength(2);
  blocked.resolve();
  expect(await others).toMatchObject({ ok: true });
  expect(await own).toMatchObject({ ok: true });
  expect(await Promise.all(flood)).toEqual(flood.map(() => expect.objectContaining({ ok: true })));
  expect(await request("motor.setpoint", { value: 1 })).toMatchObject({ ok: true });
});

test("what the gateway itself writes has a whole deadline once its turn has come, however long others kept it waiting", async () => {
  const seen: TagValue[] = [];
  const { service, request } = commandSetup({
    device,
    deadline: ms(500),
    behaviour: {
      // The first is never answered, and lets go of the device a while after its time is over.
      write: async ([one], signal) => {
        seen.push(one?.value ?? 0);
        if (seen.length > 1) return;
        await once(signal, "abort");
        await systemClock.sleep(100);
        throw new GatewayError("DEVICE_TIMEOUT", "No answer.");
      },
      read: async () => undefined,
    },
  });
  const first = request("motor.setpoint", { value: 1 });
  await expect.poll(() => seen).toHaveLength(1);
  const order = { tag: "press-1/motor/setpoint", by: "service:alerting", value: 2 };
  expect(await Promise.all([first, service.write(order)])).toMatchObject([
    { ok: false, code: "DEVICE_TIMEOUT", reason: "device-timeout" },
    { ok: true },
  ]);
});

test("a blank name of who asks is refused: it would say nothing in the audit", async () => {
  const { request, audit, held } = setUp();
  for (const by of ["", " ", "\t\u00a0"])
    expect(await request("motor.setpoint", { value: 1, by })).toMatchObject({
      ok: false,
      code: "WRITE_REFUSED",
      reason: "request",
      message: "by in the request is blank: it says who asks.",
    });
  expect(held.size).toBe(0);
  expect(audit).toHaveLength(3);
});
