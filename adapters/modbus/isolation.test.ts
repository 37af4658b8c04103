import { expect, test } from "vitest";
import { deviceAt, every, polling, simulated, tagsOf } from "./testing.ts";

const poll = every(20);

function registers(first: number, last: number): Record<string, string> {
  const addresses: Record<string, string> = {};
  for (let address = first; address <= last; address += 1) addresses[`r${address}`] = `holding:${address}`;
  return addresses;
}

/** The addresses of the reads that came in, as `start+quantity`. */
function reads(requests: readonly { address: number; quantity: number }[]): string[] {
  return requests.map(({ address, quantity }) => `${address}+${quantity}`);
}

test("only the tag that the device does not have is bad; the others are read around it at once", async () => {
  const simulator = await simulated();
  simulator.unit().holding.remove(13);
  const tags = tagsOf(registers(0, 39), poll);
  const { context } = await polling(deviceAt(simulator, tags));
  const warnings = () => context.logged.filter(({ level }) => level === "warn");
  await expect.poll(() => warnings().length).toBe(1);
  expect(warnings()[0]?.message).toContain("r13 (holding:13, IllegalDataAddress)");
  expect(context.goodTags()).toHaveLength(39);
  expect(context.latest.get("r13")).toEqual({
    tag: "r13",
    value: null,
    quality: "bad",
    status: "IllegalDataAddress",
  });
  simulator.clearRequests();
  await expect.poll(() => simulator.requests.length).toBeGreaterThanOrEqual(6);
  expect(new Set(reads(simulator.requests))).toEqual(new Set(["0+13", "14+26"]));
  expect(warnings()).toHaveLength(1);
});

test("a bad tag stays told of while the others are read", async () => {
  const simulator = await simulated();
  simulator.unit().holding.remove(1);
  const { context } = await polling(deviceAt(simulator, tagsOf(registers(0, 2), poll)));
  await expect.poll(() => context.latest.get("r1")?.status).toBe("IllegalDataAddress");
  context.clear();
  await expect.poll(() => context.latest.get("r1")?.status).toBe("IllegalDataAddress");
});

test("a gap that the device refuses is learned, and the tags on both sides stay good", async () => {
  const simulator = await simulated();
  simulator.unit().holding.remove(3, 5);
  const tags = tagsOf({ ...registers(0, 2), ...registers(6, 8) }, poll);
  const { context } = await polling(deviceAt(simulator, tags));
  await expect.poll(() => context.goodTags().length).toBe(6);
  await expect.poll(() => context.logged.length).toBe(1);
  expect(context.logged[0]?.message).toContain("holding:3..5");
  simulator.clearRequests();
  await expect.poll(() => simulator.requests.length).toBeGreaterThan(4);
  expect(new Set(reads(simulator.requests))).toEqual(new Set(["0+3", "6+3"]));
});

test("a device that takes shorter requests than the standard's is learned", async () => {
  const simulator = await simulated({ units: { 1: { limits: { readRegisters: 20 } } } });
  const { context } = await polling(deviceAt(simulator, tagsOf(registers(0, 29), poll)));
  await expect.poll(() => context.goodTags().length).toBe(30);
  await expect.poll(() => context.logged[0]?.message).toContain("at most 15");
  simulator.clearRequests();
  await expect.poll(() => simulator.requests.length).toBeGreaterThan(4);
  expect(new Set(reads(simulator.requests))).toEqual(new Set(["0+15", "15+15"]));
});

test("a function that the device does not have spoils that table alone, without a request for each tag", async () => {
  const simulator = await simulated({ units: { 1: { functions: [3] } } });
  const inputs = Object.fromEntries(
    Array.from({ length: 20 }, (_, index) => [`i${index}`, `input:${index}`]),
  );
  const tags = tagsOf({ speed: "holding:0", ...inputs }, poll);
  const { context } = await polling(deviceAt(simulator, tags));
  await expect.poll(() => context.latest.get("i19")?.status).toBe("IllegalFunction");
  await expect.poll(() => context.goodTags()).toEqual(["speed"]);
  expect(simulator.requests.filter(({ functionCode }) => functionCode === 4)).toHaveLength(1);
});

test.each([
  ["garbled", { kind: "short" }, "GarbledAnswer"],
  ["refused with exception 4", { kind: "exception", code: 4 }, "ServerDeviceFailure"],
  ["never answered", { kind: "drop" }, "Timeout"],
] as const)("one tag that is %s makes no other bad, not for one poll", async (_how, fault, status) => {
  const simulator = await simulated();
  const tags = tagsOf({ ...registers(0, 5), on: "coil:0" }, poll);
  const { context } = await polling(deviceAt(simulator, tags, { connection: { timeout: "250ms" } }));
  await expect.poll(() => context.goodTags()).toHaveLength(7);
  context.clear();
  simulator.inject(fault, { when: ({ address, quantity }) => address <= 3 && 3 < address + quantity });
  await expect.poll(() => context.latest.get("r3")?.status).toBe(status);
  const bad = context.batches.flat().filter(({ quality }) => quality === "bad");
  expect(new Set(bad.map(({ tag }) => tag))).toEqual(new Set(["r3"]));
});

test("a busy device makes its tags bad for that cycle and splits nothing", async () => {
  const simulator = await simulated();
  const { context } = await polling(deviceAt(simulator, tagsOf(registers(0, 9), poll)));
  await expect.poll(() => context.goodTags().length).toBe(10);
  simulator.inject({ kind: "exception", code: 6 }, { times: 5 });
  await expect.poll(() => context.latest.get("r0")?.status).toBe("ServerDeviceBusy");
  await expect.poll(() => context.goodTags().length).toBe(10);
  expect(new Set(reads(simulator.requests))).toEqual(new Set(["0+10"]));
});

test("a range that is never answered is narrowed down while the others go on", async () => {
  const simulator = await simulated();
  const covers = (address: number) => (request: { address: number; quantity: number }) =>
    request.address <= address && address < request.address + request.quantity;
  simulator.inject({ kind: "drop" }, { when: covers(2) });
  const tags = tagsOf({ ...registers(0, 3), far: "holding:5000" }, poll);
  const { context, ended } = await polling(deviceAt(simulator, tags, { connection: { timeout: "150ms" } }));
  let over = false;
  void ended.then(() => (over = true));
  await expect.poll(() => context.latest.get("r2")?.status).toBe("Timeout");
  await expect.poll(() => context.goodTags().sort()).toEqual(["far", "r0", "r1", "r3"]);
  expect(over).toBe(false);
  expect(simulator.acceptedCount).toBe(1);
});

test("a unit that answers for one range alone is not given up for the silence of all others", async () => {
  const simulator = await simulated();
  simulator.inject({ kind: "drop" }, { when: ({ address }) => address >= 1_000 });
  const far = Object.fromEntries([1, 2, 3, 4, 5].map((n) => [`far${n}`, `holding:${n * 1_000}`]));
  const tags = tagsOf({ near: "holding:0", ...far }, poll);
  const { context, ended } = await polling(deviceAt(simulator, tags, { connection: { timeout: "150ms" } }));
  void ended.then((error) => context.logged.push({ level: "error", fields: {}, message: String(error) }));
  const statuses = () => Object.keys(far).map((name) => context.latest.get(name)?.status);
  await expect.poll(statuses).toEqual(Object.keys(far).map(() => "Timeout"));
  context.clear();
  await expect.poll(() => context.goodTags()).toEqual(["near"]);
  expect(context.logged.filter(({ level }) => level === "error")).toEqual([]);
});

test("a device all of whose tags are refused is still heard of, and all come back with the device", async () => {
  const simulator = await simulated();
  const heal = simulator.inject({ kind: "exception", code: 2 });
  const { context } = await polling(deviceAt(simulator, tagsOf(registers(0, 4), poll)));
  await expect.poll(() => context.latest.size).toBe(5);
  context.clear();
  await expect.poll(() => context.latest.size).toBe(5);
  expect(context.goodTags()).toEqual([]);
  heal();
  await expect.poll(() => context.goodTags().length).toBe(5);
});

test("tags on the same register are asked for together, and are bad together", async () => {
  const simulator = await simulated();
  simulator.unit().holding.remove(4);
  const bits = Object.fromEntries(Array.from({ length: 16 }, (_, bit) => [`bit${bit}`, `holding:4.${bit}`]));
  const { context } = await polling(deviceAt(simulator, tagsOf({ ...bits, speed: "holding:5" }, poll)));
  await expect.poll(() => context.latest.get("bit15")?.status).toBe("IllegalDataAddress");
  await expect.poll(() => context.goodTags()).toEqual(["speed"]);
  const upToThen = simulator.requests.filter(({ address, quantity }) => address === 4 && quantity === 1);
  expect(upToThen).toHaveLength(1);
});
