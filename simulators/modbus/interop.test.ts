import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { ModbusSimulator } from "./server.ts";

const run = promisify(execFile);
const mbpoll = "/usr/bin/mbpoll";

async function simulated(): Promise<ModbusSimulator> {
  const simulator = await ModbusSimulator.start();
  onTestFinished(() => simulator.refuse());
  return simulator;
}

async function hasPymodbus(): Promise<boolean> {
  return run("/usr/bin/python3", ["-c", "import pymodbus"]).then(
    () => true,
    () => false,
  );
}

test("mbpoll reads and writes it", async (ctx) => {
  if (!existsSync(mbpoll)) ctx.skip("mbpoll is not installed");
  const simulator = await simulated();
  const { holding, coil } = simulator.unit();
  holding.set(40, 4711, 42);
  // -0: addresses as on the wire; -1: once; -q: no banner.
  const common = ["-m", "tcp", "-p", `${simulator.port}`, "-0", "-q", "-a", "1"];
  const read = await run(mbpoll, [...common, "-1", "-t", "4", "-r", "40", "-c", "2", simulator.host]);
  expect(read.stdout).toMatch(/\[40\]:\s+4711\s+\[41\]:\s+42/);
  await run(mbpoll, [...common, "-t", "4", "-r", "50", simulator.host, "7", "8"]);
  expect([holding.get(50), holding.get(51)]).toEqual([7, 8]);
  await run(mbpoll, [...common, "-t", "0", "-r", "3", simulator.host, "1"]);
  expect(coil.get(3)).toBe(1);
});

test("pymodbus's client reads and writes it", async (ctx) => {
  if (!(await hasPymodbus())) ctx.skip("python3-pymodbus is not installed");
  const simulator = await simulated();
  const unit = simulator.unit();
  unit.holding.set(10, 1, 65_535, 3);
  unit.input.set(20, 7, 8);
  unit.coil.set(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1);
  unit.discrete.set(5, 0, 1, 1);
  unit.holding.remove(500);
  const script = new URL("interop_client.py", import.meta.url).pathname;
  const { stdout } = await run("/usr/bin/python3", [script, `${simulator.port}`]);
  expect(JSON.parse(stdout)).toEqual({
    holding: [1, 65_535, 3],
    input: [7, 8],
    coils: [true, false, false, false, false, false, false, false, false, true],
    discrete: [false, true, true],
    missing: 2,
    unknownUnit: 11,
    writes: [false, false, false, false, false],
    readWrite: [1, 9, 3],
  });
  expect(unit.holding.get(30)).toBe((1234 & 0xfff0) | 5);
  expect([40, 41, 42, 43].map((address) => unit.coil.get(address))).toEqual([1, 1, 0, 1]);
});

test("runs alone, says where it listens, and ends on SIGTERM", async () => {
  const script = new URL("main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [
    script,
    "--port",
    "0",
    "--units",
    "3",
    "--fault",
    "exception=6,fc=3",
  ]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  expect(line.toString()).toMatch(/^Modbus TCP on 127\.0\.0\.1:\d+, units 3\n$/);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});

test("says what is wrong with its command line", async () => {
  const script = new URL("main.ts", import.meta.url).pathname;
  await expect(run(process.execPath, [script, "--fault", "sulk"])).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("--fault sulk") as string,
  });
});
