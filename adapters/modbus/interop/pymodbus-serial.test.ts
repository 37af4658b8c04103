import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, type TestContext } from "vitest";
import { findSocat, openPair } from "../../../simulators/modbus/pseudo-terminal.ts";
import { deviceOf } from "../mapping-fixture.ts";
import { every, polling, sharedBuses, tagsOf } from "../testing.ts";
import { allCases, exercise, hasPython, plc } from "./testing.ts";

const settings = { baud: 115_200, parity: "none", dataBits: 8 };

/** Two serial ports with a line between them: the gateway's and the PLC's. */
async function pair(ctx: TestContext) {
  if (findSocat() === undefined) ctx.skip("socat is not installed");
  if (!(await hasPython("pymodbus.server", "serial_asyncio"))) {
    ctx.skip("python3-pymodbus, python3-serial or python3-serial-asyncio is not installed");
  }
  const folder = mkdtempSync(join(tmpdir(), "linegate-line-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const ports = [join(folder, "gateway"), join(folder, "plc")] as const;
  onTestFinished(await openPair(...ports));
  return ports;
}

test("reads and writes every type in RTU, with pymodbus at the other end of the line", async (ctx) => {
  const [port, far] = await pair(ctx);
  const cases = allCases();
  const peer = await plc(cases, "rtu", far);
  const { faults } = await exercise(peer, cases, { transport: "rtu", port, ...settings });
  // A slow machine may miss a poll.
  expect([...faults.keys()].filter((kind) => kind !== "overrun")).toEqual([]);
});

test("reads and writes every type in ASCII, with pymodbus at the other end of the line", async (ctx) => {
  const [port, far] = await pair(ctx);
  const cases = allCases();
  const peer = await plc(cases, "ascii", far);
  const { faults } = await exercise(peer, cases, { transport: "ascii", port, ...settings });
  // A slow machine may miss a poll.
  expect([...faults.keys()].filter((kind) => kind !== "overrun")).toEqual([]);
});

test("a dead unit among those of pymodbus costs the others no polls to speak of", async (ctx) => {
  const [port, far] = await pair(ctx);
  await plc([], "rtu", far);
  const buses = sharedBuses();
  const unit = (unitId: number) =>
    deviceOf(tagsOf({ word: "holding:0" }, every(50)), {
      device: `unit-${unitId}`,
      connection: { transport: "rtu", port, unitId, timeout: "250ms", ...settings },
    });
  const [one, two, dead] = await Promise.all([1, 2, 9].map((unitId) => polling(unit(unitId), { buses })));
  await expect.poll(() => [one?.context.goodTags(), two?.context.goodTags()]).toEqual([["word"], ["word"]]);
  expect(await dead?.ended).toMatchObject({ code: "DEVICE_TIMEOUT" });
  await dead?.adapter.close();
  one?.context.clear();
  two?.context.clear();
  await expect.poll(() => one?.context.batches.length ?? 0).toBeGreaterThan(10);
  expect(two?.context.batches.length).toBeGreaterThanOrEqual(9);
  await expect.poll(() => two?.context.latest.get("word")?.value).toBe(4711);
});
