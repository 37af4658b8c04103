import { expect, test } from "vitest";
import { connected, deviceAt, every, polling, sharedBuses, simulated, tagsOf } from "./testing.ts";

test("reads every table and type into samples of raw values", async () => {
  const simulator = await simulated();
  const { holding, input, coil, discrete } = simulator.unit();
  holding.put(0, "float32", 1.5, "CDAB");
  holding.put(2, "int64", -5_000_000_000_000_000_000n, "CDAB");
  input.set(7, 0b1000);
  coil.set(3, 1);
  discrete.set(4, 0);
  const tags = tagsOf(
    {
      pressure: "holding:0 float32",
      count: "holding:2 int64",
      word: "input:7",
      bit: "input:7.3",
      coil: "coil:3",
      switch: "discrete:4",
    },
    every(20),
  );
  const { context } = await polling(deviceAt(simulator, tags, { options: { order: "CDAB" } }));
  await expect.poll(() => context.goodTags().length).toBe(6);
  const values = Object.fromEntries([...context.latest].map(([name, { value }]) => [name, value]));
  expect(values).toEqual({
    pressure: 1.5,
    count: -5_000_000_000_000_000_000n,
    word: 8,
    bit: true,
    coil: true,
    switch: false,
  });
});

test("a value that is no BCD is bad, and its neighbours are good", async () => {
  const simulator = await simulated();
  simulator.unit().holding.set(0, 0x12_3f, 0x12_34);
  const tags = tagsOf({ spoilt: "holding:0 bcd16", fine: "holding:1 bcd16" }, every(20));
  const { context } = await polling(deviceAt(simulator, tags));
  await expect.poll(() => context.latest.get("fine")?.value).toBe(1234);
  expect(context.latest.get("spoilt")).toMatchObject({ value: null, quality: "bad", status: "InvalidBcd" });
});

test("hands over the samples of a response in one batch", async () => {
  const simulator = await simulated();
  const tags = tagsOf({ a: "holding:0", b: "holding:1", c: "holding:2" }, every(20));
  const { context } = await polling(deviceAt(simulator, tags));
  await expect.poll(() => context.batches.length).toBeGreaterThan(2);
  expect(new Set(context.batches.map((batch) => batch.map(({ tag }) => tag).join()))).toEqual(
    new Set(["a,b,c"]),
  );
  expect(context.requests.get("readHoldingRegisters")).toBeGreaterThan(2);
});

test("groups that are due together share their requests", async () => {
  const simulator = await simulated();
  const tags = [...tagsOf({ a: "holding:0" }, every(20)), ...tagsOf({ b: "holding:1" }, every(80))];
  await polling(deviceAt(simulator, tags));
  const count = (address: number, quantity: number) =>
    simulator.requests.filter((request) => request.address === address && request.quantity === quantity)
      .length;
  await expect.poll(() => count(0, 2)).toBeGreaterThan(4);
  expect(simulator.requests[0]).toMatchObject({ address: 0, quantity: 2 });
  expect(count(0, 1)).toBeGreaterThan(count(0, 2));
  // Where the machine is busy the fast group misses a slot now and then, and the slow one is asked for alone.
  expect(count(1, 1)).toBeLessThan(count(0, 2));
});

test("a poll that takes longer than its interval skips slots, and counts them, and never piles up", async () => {
  const simulator = await simulated({ delay: 30 });
  const { context } = await polling(deviceAt(simulator, tagsOf({ a: "holding:0" }, every(10))));
  await expect.poll(() => context.batches.length).toBeGreaterThan(5);
  expect(context.faults.get("overrun")).toBeGreaterThan(5);
  expect(simulator.requestCount).toBeLessThanOrEqual(context.batches.length + 2);
});

test("a slow group of many requests does not hold up a fast one", async () => {
  const simulator = await simulated({ delay: 4 });
  const scattered = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [`slow${index}`, `holding:${1000 + index * 500}`]),
  );
  const tags = [...tagsOf({ fast: "holding:0" }, every(20)), ...tagsOf(scattered, every(5_000, "slow"))];
  await polling(deviceAt(simulator, tags));
  await expect.poll(() => simulator.requests.length).toBeGreaterThan(55);
  const isFast = simulator.requests.map(({ address }) => address === 0);
  // 50 slow requests of 4 ms and more fill 200 ms: ten slots of the fast group, spread over them.
  expect(isFast.slice(0, 55).filter(Boolean).length).toBeGreaterThanOrEqual(4);
  expect(isFast.lastIndexOf(false)).toBeGreaterThan(isFast.indexOf(true, 1));
});

test("a write goes ahead of the polls that wait", async () => {
  const simulator = await simulated({ delay: 10 });
  const scattered = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`r${index}`, `holding:${index * 500}`]),
  );
  const tags = tagsOf(scattered, every(1_000));
  const { adapter } = await polling(deviceAt(simulator, tags));
  await expect.poll(() => simulator.requestCount).toBeGreaterThan(2);
  const before = simulator.requestCount;
  await adapter.write?.([{ tag: "r0", value: 5 }], AbortSignal.timeout(2_000));
  const write = simulator.requests.findIndex(({ functionCode }) => functionCode === 6);
  expect(write).toBeGreaterThanOrEqual(0);
  // The one in flight may end, and one more may have gone out before the write was handed over.
  expect(write).toBeLessThanOrEqual(before + 1);
});

test("reads tags now, in the order asked for, the bad among them as data", async () => {
  const simulator = await simulated();
  const { holding } = simulator.unit();
  holding.set(0, 10, 11, 12);
  holding.remove(1);
  const tags = tagsOf({ a: "holding:0", b: "holding:1", c: "holding:2" }, every(1_000));
  const { adapter } = await connected(deviceAt(simulator, tags));
  const samples = await adapter.read?.(["c", "b", "a"], AbortSignal.timeout(2_000));
  expect(samples).toEqual([
    { tag: "c", value: 12, quality: "good" },
    { tag: "b", value: null, quality: "bad", status: "IllegalDataAddress" },
    { tag: "a", value: 10, quality: "good" },
  ]);
});

test.each([
  ["garbled", { kind: "short" }, "GarbledAnswer"],
  ["refused", { kind: "exception", code: 4 }, "ServerDeviceFailure"],
  ["not answered", { kind: "drop" }, "Timeout"],
] as const)("reads tags now, one of which is %s: the others are good", async (_how, fault, status) => {
  const simulator = await simulated();
  simulator.inject(fault, { when: ({ address, quantity }) => address <= 5 && 5 < address + quantity });
  const tags = tagsOf({ a: "holding:4", b: "holding:5", c: "holding:6", d: "coil:0" }, every(1_000));
  const { adapter } = await connected(deviceAt(simulator, tags, { connection: { timeout: "250ms" } }));
  const samples = (await adapter.read?.(["a", "b", "c", "d"], AbortSignal.timeout(5_000))) ?? [];
  expect(samples.map(({ quality }) => quality)).toEqual(["good", "bad", "good", "good"]);
  expect(samples[1]?.status).toBe(status);
});

test("devices behind one host and port share one connection, also with a device that allows one", async () => {
  const simulator = await simulated({ units: { 1: {}, 2: {} }, maxConnections: 1 });
  simulator.unit(2).holding.set(0, 2);
  const buses = sharedBuses();
  const tags = tagsOf({ speed: "holding:0" }, every(20));
  const one = await polling(deviceAt(simulator, tags), { buses });
  const other = await polling(deviceAt(simulator, tags, { connection: { unitId: 2 } }), { buses });
  await expect.poll(() => one.context.latest.get("speed")?.value).toBe(0);
  await expect.poll(() => other.context.latest.get("speed")?.value).toBe(2);
  expect(simulator.acceptedCount).toBe(1);
  one.stop.abort();
  await one.ended;
  await one.adapter.close();
  other.context.clear();
  await expect.poll(() => other.context.goodTags()).toEqual(["speed"]);
  other.stop.abort();
  await other.adapter.close();
  await expect.poll(() => simulator.connectionCount).toBe(0);
});

test("a dead unit on a shared connection is given up alone; each new try costs the others one request", async () => {
  const simulator = await simulated({ units: { 1: {}, 2: {} } });
  simulator.inject({ kind: "drop" }, { unit: 2 });
  const buses = sharedBuses();
  const tags = tagsOf({ speed: "holding:0", force: "holding:900" }, every(20));
  const one = await polling(deviceAt(simulator, tags), { buses });
  const deadDevice = deviceAt(simulator, tags, { connection: { unitId: 2 } });
  const dead = await polling(deadDevice, { buses });
  expect(await dead.ended).toMatchObject({ code: "DEVICE_TIMEOUT" });
  await dead.adapter.close();
  one.context.clear();
  await expect.poll(() => one.context.goodTags().length).toBe(2);
  simulator.clearRequests();
  for (const asked of [1, 2]) {
    await expect(connected(deadDevice, { buses })).rejects.toMatchObject({ code: "DEVICE_TIMEOUT" });
    expect(simulator.requests.filter(({ unit }) => unit === 2)).toHaveLength(asked);
  }
  // Another question each time: one of them might be the one that the unit is at fault with.
  const asked = simulator.requests.filter(({ unit }) => unit === 2).map(({ address }) => address);
  expect(new Set(asked).size).toBe(2);
  expect(simulator.acceptedCount).toBe(1);
  simulator.clearFaults();
  const back = await polling(deadDevice, { buses });
  await expect.poll(() => back.context.goodTags().length).toBe(2);
});
