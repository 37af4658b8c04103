import { expect, test } from "vitest";
import type { BrowsedTag, BrowseOptions } from "../../src/adapter-kit/index.ts";
import type { ModbusSimulator, SimulatorOptions } from "../../simulators/modbus/server.ts";
import { listFound } from "./listing.ts";
import { connected, deviceAt, simulated } from "./testing.ts";

/** A device with holes, and a search in it. */
async function device(options: SimulatorOptions = {}, connection: object = {}) {
  const simulator = await simulated(options);
  for (const id of Object.keys(options.units ?? { 1: {} })) prepare(simulator, Number(id));
  const { adapter } = await connected(deviceAt(simulator, [], { connection }));
  const browse = async (search: BrowseOptions = {}) => {
    const found: BrowsedTag[] = [];
    for await (const tag of adapter.browse?.(search, AbortSignal.timeout(10_000)) ?? []) found.push(tag);
    return found;
  };
  return { simulator, browse };
}

function prepare(simulator: ModbusSimulator, id: number): void {
  const unit = simulator.unit(id);
  unit.holding.keepOnly([0, 49], [60, 79]);
  unit.holding.set(40, 1_824, 7);
  unit.input.keepOnly([3, 3]);
  unit.coil.keepOnly();
  unit.discrete.keepOnly([0, 9]);
  unit.discrete.set(4, 1);
}

const runs = (found: readonly BrowsedTag[]) => listFound(found).filter((line) => !line.startsWith(" "));

test("shows run by run what answers and what is refused, in all four tables", async () => {
  const { simulator, browse } = await device();
  const found = await browse();
  expect(runs(found).map((line) => line.replace(/ +/, " "))).toEqual([
    "coil:0..255 exception 2 (illegal data address)",
    "discrete:0..9 answers, 10 addresses",
    "discrete:10..255 exception 2 (illegal data address)",
    "input:0..2 exception 2 (illegal data address)",
    "input:3 answers, 1 address",
    "input:4..255 exception 2 (illegal data address)",
    "holding:0..49 answers, 50 addresses",
    "holding:50..59 exception 2 (illegal data address)",
    "holding:60..79 answers, 20 addresses",
    "holding:80..255 exception 2 (illegal data address)",
  ]);
  expect(found.find(({ name }) => name === "holding/40")).toEqual({
    name: "holding/40",
    entry: { address: "holding:40", type: "uint16" },
    writable: true,
    value: 1_824,
  });
  expect(found.find(({ name }) => name === "discrete/4")?.value).toBe(true);
  expect(new Set(simulator.requests.map(({ functionCode }) => functionCode))).toEqual(new Set([1, 2, 3, 4]));
});

test("keeps to what the device gives in one request once it knows", async () => {
  const { simulator, browse } = await device({ units: { 1: { limits: { readRegisters: 8 } } } });
  simulator.unit().holding.keepOnly([0, 499]);
  const found = await browse({ from: "holding:0", to: "499" });
  expect(found.filter(({ value }) => value !== undefined)).toHaveLength(500);
  const late = simulator.requests.slice(40).map(({ quantity }) => quantity);
  expect(Math.max(...late)).toBeLessThanOrEqual(8);
});

test("a table that the device does not know costs one request", async () => {
  const { simulator, browse } = await device({ units: { 1: { functions: [3] } } });
  const found = await browse({ from: "input" });
  expect(runs(found)[0]).toContain("no such table");
  expect(simulator.requestCount).toBe(1);
});

test("a unit that answers nothing is given up after a few questions, with what to try", async () => {
  const { simulator, browse } = await device({ unknownUnit: "silence" }, { unitId: 9, timeout: "20ms" });
  await expect(browse()).rejects.toMatchObject({
    code: "DEVICE_TIMEOUT",
    message: expect.stringContaining("--units 1..20"),
  });
  expect(simulator.requestCount).toBe(3);
});

test("finds the unit ids that answer", async () => {
  const { browse } = await device({ units: { 2: {}, 3: {} } });
  const found = await browse({ from: "unit:1", to: "unit:4" });
  expect(runs(found)).toEqual([
    expect.stringContaining("exception 11"),
    expect.stringMatching(/^unit:2..3 +answers/),
    expect.stringContaining("exception 11"),
  ]);
});

test.each([
  { from: "holding:9", to: "holding:3" },
  { from: "holding:0", to: "input:3" },
  { from: "pump" },
  { from: "unit:0", to: "unit:300" },
])("%j is no search, and says what one is", async (search) => {
  const { simulator, browse } = await device();
  await expect(browse(search)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(simulator.requestCount).toBe(0);
});
