import { expect, test } from "vitest";
import { deviceAt, every, polling, simulated, tagsOf } from "./testing.ts";

const poll = every(15);

test("a late answer is never taken for the answer to the next request", async () => {
  const simulator = await simulated();
  const { holding } = simulator.unit();
  holding.set(0, 100);
  holding.set(500, 500);
  const tags = tagsOf({ low: "holding:0", high: "holding:500" }, poll);
  const { context } = await polling(deviceAt(simulator, tags));
  await expect.poll(() => context.goodTags().length).toBe(2);
  simulator.inject({ kind: "late" }, { times: 3, when: ({ number }) => number % 3 === 0 });
  await expect.poll(() => context.faults.get("late")).toBe(3);
  await expect.poll(() => context.goodTags().length).toBe(2);
  const seen = (tag: string) => context.batches.flat().filter((sample) => sample.tag === tag);
  expect(new Set(seen("low").map(({ value }) => value))).toEqual(new Set([100]));
  expect(new Set(seen("high").map(({ value }) => value))).toEqual(new Set([500]));
});

test("an answer with an id that was never asked is counted and dropped", async () => {
  const simulator = await simulated();
  simulator.unit().holding.set(0, 7);
  const { context } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  await expect.poll(() => context.latest.get("speed")?.value).toBe(7);
  simulator.inject({ kind: "wrong-transaction" }, { times: 1 });
  await expect.poll(() => context.faults.get("wrong-id")).toBe(1);
  await expect.poll(() => context.faults.get("timeout")).toBe(1);
  context.clear();
  await expect.poll(() => context.latest.get("speed")?.value).toBe(7);
  expect(simulator.acceptedCount).toBe(1);
});

test.each([
  ["junk", { kind: "junk" }],
  ["a foreign protocol id", { kind: "wrong-protocol" }],
  ["an answer that breaks off", { kind: "truncated" }],
  ["a length field that is too large", { kind: "wrong-length", by: 2 }],
  ["a length field beyond any frame", { kind: "wrong-length", by: 30_000 }],
] as const)("%s closes the connection and brings no value", async (_name, fault) => {
  const simulator = await simulated();
  const { holding } = simulator.unit();
  holding.set(0, 7);
  simulator.inject(fault, { when: () => holding.get(0) === 8 });
  const { context, ended } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0 int16" }, poll)));
  await expect.poll(() => context.latest.get("speed")?.value).toBe(7);
  holding.set(0, 8);
  expect(await ended).toMatchObject({
    code: "PROTOCOL_VIOLATION",
    message: expect.stringContaining("Check"),
  });
  expect(context.faults.get("framing")).toBe(1);
  expect(new Set(context.batches.flat().map(({ value }) => value))).toEqual(new Set([7]));
  await expect.poll(() => simulator.connectionCount).toBe(0);
});

const wrongAnswers = [
  ["another unit id", { kind: "wrong-unit" }],
  ["another function code", { kind: "wrong-function" }],
  ["a wrong byte count", { kind: "wrong-byte-count" }],
  ["less data than was asked for", { kind: "short" }],
] as const;

test.each(wrongAnswers)("%s costs its own tag alone, never the connection", async (_name, fault) => {
  const simulator = await simulated();
  simulator.inject(fault, { functionCode: 3 });
  const tags = tagsOf({ speed: "holding:0", running: "coil:0" }, poll);
  const { context, ended } = await polling(deviceAt(simulator, tags));
  await expect
    .poll(() => context.latest.get("speed"))
    .toMatchObject({
      quality: "bad",
      status: "GarbledAnswer",
    });
  context.clear();
  await expect.poll(() => context.batches.length).toBeGreaterThan(5);
  const running = context.batches.flat().filter(({ tag }) => tag === "running");
  expect(new Set(running.map(({ quality }) => quality))).toEqual(new Set(["good"]));
  expect(context.faults.get("framing")).toBeGreaterThanOrEqual(3);
  expect(simulator.acceptedCount).toBe(1);
  expect(await Promise.race([ended, Promise.resolve("polling")])).toBe("polling");
});

test.each(wrongAnswers)("%s to every request ends the run: no data is no life", async (_name, fault) => {
  const simulator = await simulated();
  simulator.inject(fault);
  const { context, ended } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  expect(await ended).toMatchObject({
    code: "PROTOCOL_VIOLATION",
    message: expect.stringContaining("Check that the mapping asks for what the device has"),
  });
  expect(context.faults.get("framing")).toBe(3);
  expect(context.batches).toEqual([]);
});

test("one wrong answer costs one poll, and the tag keeps its value", async () => {
  const simulator = await simulated();
  simulator.unit().holding.set(0, 7);
  const { context } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  await expect.poll(() => context.latest.get("speed")?.value).toBe(7);
  simulator.inject({ kind: "short" }, { times: 1 });
  await expect.poll(() => context.faults.get("framing")).toBe(1);
  context.clear();
  await expect.poll(() => context.batches.length).toBeGreaterThan(1);
  expect(new Set(context.batches.flat().map(({ value }) => value))).toEqual(new Set([7]));
  expect(simulator.acceptedCount).toBe(1);
});

test("a request that is answered well is found behind any number that are not", async () => {
  const simulator = await simulated();
  simulator.inject({ kind: "short" }, { functionCode: 1 });
  const coils = tagsOf({ a: "coil:0", b: "coil:2500", c: "coil:5000", d: "coil:7500" }, poll);
  const { context } = await polling(
    deviceAt(simulator, [...coils, ...tagsOf({ speed: "holding:0" }, every(200))]),
  );
  await expect.poll(() => context.goodTags()).toEqual(["speed"]);
});

test("an answer that breaks off is known for what it is, before anything follows that could complete it", async () => {
  const simulator = await simulated();
  simulator.inject({ kind: "truncated" });
  const { ended } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  expect(await ended).toMatchObject({ message: expect.stringContaining("breaks off in the middle") });
  expect(simulator.requestCount).toBe(1);
});

test("an answer in many pieces is put together", async () => {
  const simulator = await simulated();
  simulator.unit().holding.set(0, 0x0102);
  simulator.inject({ kind: "split", size: 1, gapMs: 1 });
  const { context } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  await expect.poll(() => context.latest.get("speed")?.value).toBe(0x0102);
  expect([context.faults.get("framing"), context.faults.get("timeout")]).toEqual([undefined, undefined]);
});

test("a doubled answer disturbs nothing", async () => {
  const simulator = await simulated();
  simulator.unit().holding.set(0, 9);
  simulator.inject({ kind: "duplicate" });
  const { context } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  await expect.poll(() => context.batches.length).toBeGreaterThan(5);
  expect(context.faults.get("timeout")).toBeUndefined();
  expect(context.faults.get("late")).toBeGreaterThan(3);
});

test("one lost answer costs one value, not the connection", async () => {
  const simulator = await simulated();
  const { context } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  await expect.poll(() => context.batches.length).toBeGreaterThan(1);
  simulator.inject({ kind: "drop" }, { times: 1 });
  await expect.poll(() => context.faults.get("timeout")).toBe(1);
  context.clear();
  await expect.poll(() => context.goodTags()).toEqual(["speed"]);
  expect(simulator.acceptedCount).toBe(1);
});

test("a frozen device is given up after three requests without an answer, in the operator's words", async () => {
  const simulator = await simulated();
  const { context, ended } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  await expect.poll(() => context.batches.length).toBeGreaterThan(1);
  simulator.freeze();
  expect(await ended).toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: `No answer from 127.0.0.1:${simulator.port} unit 1 within 250ms. Check power, cabling and the unit id.`,
  });
  expect(context.faults.get("timeout")).toBe(3);
});

test("a device behind a bridge that says so is gone like one that is silent", async () => {
  const simulator = await simulated();
  const device = deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll), { connection: { unitId: 7 } });
  const { context, ended } = await polling(device);
  expect(await ended).toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: expect.stringContaining("unit 7 does not answer behind it"),
    context: { exception: "GatewayTargetDeviceFailedToRespond" },
  });
  expect(context.faults.get("exception-11")).toBe(3);
  // A sample would put the device online, and begin its waits anew.
  expect(context.batches).toEqual([]);
});

test("a connection that the device closes ends the run at once", async () => {
  const simulator = await simulated();
  const { context, ended } = await polling(deviceAt(simulator, tagsOf({ speed: "holding:0" }, poll)));
  await expect.poll(() => context.batches.length).toBeGreaterThan(1);
  simulator.dropConnections();
  expect(await ended).toMatchObject({ code: "DEVICE_UNREACHABLE" });
});
