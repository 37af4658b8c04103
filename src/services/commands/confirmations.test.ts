import { expect, test } from "vitest";
import { commandSetup, ManualClock, pressWith } from "./testing.ts";

const tag = "motor.setpoint";
const setUp = () => {
  const clock = new ManualClock();
  return { clock, ...commandSetup({ device: pressWith({ confirm: true, max: 100 }), clock }) };
};

test("a write that needs a confirmation is done by the second request, once", async () => {
  const { request, written } = setUp();
  const first = await request(tag, { value: 9, id: 1 });
  expect(first).toMatchObject({ ok: false, code: "WRITE_REFUSED", confirm: "token-1", id: 1 });
  expect(first).toMatchObject({ message: expect.stringContaining("again within 30s") });
  expect(written).toEqual([]);
  expect(await request(tag, { value: 9, confirm: "token-1" })).toMatchObject({ ok: true, readBack: 9 });
  expect(await request(tag, { value: 9, confirm: "token-1" })).toMatchObject({
    ok: false,
    message: expect.stringContaining("was used already"),
  });
  expect(written).toHaveLength(1);
});

test("a confirmation is good for its value, its writer and its time only", async () => {
  const { request, publish, mqtt, written, clock } = setUp();
  await request(tag, { value: 9, by: "mes" });
  expect(await request(tag, { value: 10, by: "mes", confirm: "token-1" })).toMatchObject({
    message: expect.stringContaining("is for press-1/motor/setpoint = 9"),
  });
  expect(await request(tag, { value: 9, by: "hmi", confirm: "token-1" })).toMatchObject({
    message: expect.stringContaining("another writer"),
  });
  publish("cmd/plant1/press-1/motor/setpoint", { value: 9, by: "mes", confirm: "token-1" });
  await expect.poll(() => mqtt).toMatchObject([{ reply: { ok: false } }]);
  await clock.pass(30_001);
  expect(await request(tag, { value: 9, by: "mes", confirm: "token-1" })).toMatchObject({
    message: expect.stringContaining("too late"),
  });
  expect(written).toEqual([]);
});

test("what would be refused gets no token, and a service of the gateway's own needs none", async () => {
  const { request, service, written } = setUp();
  expect(await request(tag, { value: 101 })).not.toHaveProperty("confirm");
  const order = { tag: "press-1/motor/setpoint", value: 9, by: "service:alerting" };
  expect(await service.write(order)).toMatchObject({ ok: true });
  expect(written).toHaveLength(1);
});

test("who asks for ever more confirmations loses the oldest, and grows nothing", async () => {
  const { request } = setUp();
  for (let asked = 0; asked < 257; asked += 1) await request(tag, { value: 9 });
  expect(await request(tag, { value: 9, confirm: "token-1" })).toMatchObject({ ok: false });
  expect(await request(tag, { value: 9, confirm: "token-2" })).toMatchObject({ ok: true });
});
