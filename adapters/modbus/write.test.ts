import { expect, test } from "vitest";
import { connected, deviceAt, every, simulated, tagsOf } from "./testing.ts";
import type { TagWrite } from "../../src/adapter-kit/index.ts";
import type { SimulatedRequest } from "../../simulators/modbus/server.ts";

const addresses = {
  coil0: "coil:0",
  coil1: "coil:1",
  speed: "holding:10",
  force: "holding:11",
  pressure: "holding:12 float32",
  bit3: "holding:20.3",
  bit9: "holding:20.9",
  measured: "input:0",
};

async function writing(keys: { readonly options?: object; readonly unit?: object } = {}) {
  const simulator = await simulated({ units: { 1: keys.unit ?? {} } });
  const device = deviceAt(simulator, tagsOf(addresses, every(1_000)), { options: keys.options ?? {} });
  const { adapter } = await connected(device);
  return {
    simulator,
    unit: simulator.unit(),
    write: async (...writes: readonly TagWrite[]) => adapter.write?.(writes, AbortSignal.timeout(5_000)),
    codes: () => simulator.requests.map((request: SimulatedRequest) => request.functionCode),
  };
}

test("writes one coil with FC 5, one register with FC 6, more registers with FC 16", async () => {
  const { unit, write, codes } = await writing();
  await write({ tag: "coil1", value: true });
  await write({ tag: "speed", value: 65_535 });
  await write({ tag: "pressure", value: 1.5 });
  expect(codes()).toEqual([5, 6, 16]);
  expect([unit.coil.get(1), unit.holding.get(10), unit.holding.take(12, "float32")]).toEqual([
    1, 65_535, 1.5,
  ]);
});

test("neighbours written in order share a request, and others keep their order", async () => {
  const { unit, write, codes } = await writing();
  await write({ tag: "coil0", value: true }, { tag: "coil1", value: true });
  await write({ tag: "speed", value: 1 }, { tag: "force", value: 2 }, { tag: "pressure", value: 3 });
  await write({ tag: "force", value: 20 }, { tag: "speed", value: 10 });
  expect(codes()).toEqual([15, 16, 6, 6]);
  expect([unit.coil.get(0), unit.coil.get(1)]).toEqual([1, 1]);
  expect([unit.holding.get(10), unit.holding.get(11), unit.holding.take(12, "float32")]).toEqual([10, 20, 3]);
});

test("a device that takes one tag a request gets one tag a request", async () => {
  const { write, codes } = await writing({ options: { requests: { grouping: "per-tag" } } });
  await write({ tag: "speed", value: 1 }, { tag: "force", value: 2 });
  expect(codes()).toEqual([6, 6]);
});

test("uses FC 15 and 16 alone for a device that has no FC 5 and 6", async () => {
  const { unit, write, codes } = await writing({
    options: { writes: { single: "multiple" } },
    unit: { functions: [3, 15, 16] },
  });
  await write({ tag: "coil0", value: true }, { tag: "speed", value: 7 }, { tag: "bit3", value: true });
  expect(codes()).toEqual([15, 16, 3, 16]);
  expect([unit.coil.get(0), unit.holding.get(10), unit.holding.get(20)]).toEqual([1, 7, 8]);
});

test("applies the order on write as on read", async () => {
  const { unit, write } = await writing({ options: { order: "CDAB" } });
  await write({ tag: "pressure", value: 123.5 });
  expect(unit.holding.take(12, "float32", "CDAB")).toBe(123.5);
});

test("changes one bit of a register by reading and writing it, with nothing in between", async () => {
  const { unit, write, codes } = await writing();
  unit.holding.set(20, 0xf000);
  await Promise.all([write({ tag: "bit3", value: true }), write({ tag: "bit9", value: true })]);
  expect(codes()).toEqual([3, 6, 3, 6]);
  expect(unit.holding.get(20)).toBe(0xf208);
  await write({ tag: "bit3", value: false }, { tag: "bit9", value: false });
  expect(codes()).toEqual([3, 6, 3, 6, 3, 6]);
  expect(unit.holding.get(20)).toBe(0xf000);
});

test("changes bits with one mask write where the device has it", async () => {
  const { unit, write, codes } = await writing({ options: { writes: { bits: "mask-write" } } });
  unit.holding.set(20, 0xf008);
  await write({ tag: "bit3", value: false }, { tag: "bit9", value: true });
  expect(codes()).toEqual([22]);
  expect(unit.holding.get(20)).toBe(0xf200);
});

test("says what the device answers to a write that it refuses", async () => {
  const { unit, write } = await writing();
  unit.holding.lock(10);
  await expect(write({ tag: "speed", value: 1 })).rejects.toMatchObject({
    code: "DEVICE_REJECTED",
    message: expect.stringMatching(/unit 1 refuses the write of speed: IllegalDataAddress\. Check/),
    context: { exception: "IllegalDataAddress", tags: ["speed"] },
  });
});

test("says of a write without an answer that it may have been carried out", async () => {
  const { simulator, unit, write } = await writing();
  simulator.inject({ kind: "drop" }, { times: 1 });
  await expect(write({ tag: "speed", value: 9 })).rejects.toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: expect.stringContaining("may or may not"),
  });
  expect(unit.holding.get(10)).toBe(9);
  await write({ tag: "speed", value: 10 });
  expect(unit.holding.get(10)).toBe(10);
});

test.each([
  [5, "Acknowledge"],
  [11, "GatewayTargetDeviceFailedToRespond"],
])("says of a write answered with exception %d that it may have been carried out", async (code, name) => {
  const { simulator, write } = await writing();
  simulator.inject({ kind: "exception", code }, { functionCode: 6 });
  await expect(write({ tag: "speed", value: 1 })).rejects.toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: expect.stringMatching(new RegExp(`${name}: it may or may not have been carried out`)),
  });
});

test("sends nothing for a value or a tag that can't be written", async () => {
  const { simulator, write } = await writing();
  await expect(write({ tag: "speed", value: 65_536 })).rejects.toMatchObject({ code: "WRITE_REFUSED" });
  await expect(write({ tag: "measured", value: 1 })).rejects.toMatchObject({ code: "WRITE_REFUSED" });
  await expect(write({ tag: "nowhere", value: 1 })).rejects.toMatchObject({ code: "WRITE_REFUSED" });
  expect(simulator.requestCount).toBe(0);
});
