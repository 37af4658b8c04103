import { expect, test } from "vitest";
import type { SimulatorOptions, Unit } from "../../simulators/modbus/server.ts";
import { connected, deviceAt, every, simulated, tagsOf } from "./testing.ts";

/** What is said of a tag at an address of a device. */
async function diagnosis(
  address: string,
  prepare: (unit: Unit) => void = () => undefined,
  options: SimulatorOptions = {},
): Promise<string> {
  const simulator = await simulated(options);
  const unit = Number(Object.keys(options.units ?? { 1: {} })[0]);
  prepare(simulator.unit(unit));
  const tags = tagsOf({ level: address }, every(1_000));
  // Only silence is waited for to the end.
  const timeout = options.unknownUnit === "silence" ? "300ms" : "10s";
  const { adapter } = await connected(deviceAt(simulator, tags, { connection: { timeout } }));
  const signal = AbortSignal.timeout(20_000);
  const samples = (await adapter.read?.(["level"], signal)) ?? [];
  expect(samples[0]?.quality).toBe("bad");
  const found = await adapter.diagnose?.(samples, signal);
  expect(found?.map(({ tag }) => tag)).toEqual(["level"]);
  return found?.[0]?.text ?? "";
}

test("exception 2 whose neighbour below reads fine looks like an off-by-one", async () => {
  const text = await diagnosis("holding:41 uint16", (unit) => {
    unit.holding.keepOnly([0, 40]);
    unit.holding.set(40, 1_824);
  });
  expect(text).toContain("looks like an off-by-one");
  expect(text).toContain("Try holding:40.");
  expect(text).toContain("1824");
});

test("exception 2 whose neighbour above reads fine looks like an off-by-one too", async () => {
  const text = await diagnosis("input:9 uint16", (unit) => unit.input.keepOnly([10, 40]));
  expect(text).toContain("Try input:10.");
});

test("exception 2 where the sister table answers looks like the wrong table", async () => {
  const text = await diagnosis("holding:9 uint16", (unit) => {
    unit.holding.keepOnly();
    unit.input.keepOnly([9, 9]);
  });
  expect(text).toContain("looks like the wrong table: try input:9");
});

test("a type that reaches beyond the device's last register is told from a wrong address", async () => {
  const text = await diagnosis("holding:40 float32", (unit) => unit.holding.keepOnly([40, 40]));
  expect(text).toContain("holding:40 alone answers");
});

test("an address far from everything leads to browse", async () => {
  const text = await diagnosis("holding:500 uint16", (unit) => {
    unit.holding.keepOnly([0, 40]);
    unit.input.keepOnly();
  });
  expect(text).toContain("linegate browse");
});

test("exception 1 says which table the device lacks", async () => {
  const text = await diagnosis("input:4 uint16", undefined, { units: { 1: { functions: [3] } } });
  expect(text).toContain("function 4");
  expect(text).toContain("try holding:4");
});

test("a bridge whose unit is gone is told from an address that is wrong", async () => {
  const text = await diagnosis("holding:4 uint16", undefined, { units: { 2: {} } });
  expect(text).toContain("Unit 1 answers nothing at all");
  expect(text).toContain("exception 11");
});

test("a unit id that nobody answers to is the first suspect of silence", async () => {
  const text = await diagnosis("holding:4 uint16", undefined, { units: { 2: {} }, unknownUnit: "silence" });
  expect(text).toContain("Check the unit id");
});

test("an answer that is none is explained in words, not by the manual", async () => {
  const simulator = await simulated();
  simulator.inject({ kind: "short" });
  const { adapter } = await connected(deviceAt(simulator, tagsOf({ level: "holding:0" }, every(1_000))));
  const samples = (await adapter.read?.(["level"], AbortSignal.timeout(5_000))) ?? [];
  const [found] = (await adapter.diagnose?.(samples, AbortSignal.timeout(5_000))) ?? [];
  expect(found?.text).toContain("no answer to this request");
});

test("no BCD is no BCD", async () => {
  const text = await diagnosis("holding:4 bcd16", (unit) => unit.holding.set(4, 0xffff));
  expect(text).toContain("no bcd16");
});
