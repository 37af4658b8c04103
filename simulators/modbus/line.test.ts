import { once } from "node:events";
import { spawn } from "node:child_process";
import { mkdtempSync, existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { duplexPair } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { findSocat } from "./pseudo-terminal.ts";
import { ModbusSimulator, type SimulatorOptions } from "./server.ts";

/** FC 3, holding:0, one register of unit 1, and the answer 77, as RTU frames. */
const rtuRequest = "010300000001840a";
const rtuAnswer = "010302004d7871";

function line(framing: "rtu" | "ascii", options: SimulatorOptions = {}) {
  const simulator = new ModbusSimulator(options);
  simulator.unit().holding.set(0, 77);
  const [near, far] = duplexPair();
  simulator.attach(far, framing);
  onTestFinished(() => simulator.refuse());
  const received: Buffer[] = [];
  near.on("data", (chunk: Buffer) => received.push(chunk));
  return { simulator, near, heard: () => Buffer.concat(received).toString("hex") };
}

test("a line answers in its framing", async () => {
  const { near, heard } = line("rtu");
  near.write(Buffer.from(rtuRequest, "hex"));
  await expect.poll(heard).toBe(rtuAnswer);
  const ascii = line("ascii");
  ascii.near.write(":010300000001FB\r\n");
  await expect.poll(() => Buffer.from(ascii.heard(), "hex").toString()).toBe(":010302004DAD\r\n");
});

test("a line is silent for a unit that is not there, for a dead one and for a wrong CRC", async () => {
  const { simulator, near, heard } = line("rtu", { units: { 1: {}, 2: {} } });
  simulator.inject({ kind: "dead" }, { unit: 2 });
  near.write(Buffer.from("090300000001", "hex"));
  near.write(Buffer.from("8542", "hex"));
  near.write(Buffer.from("0203000000018439", "hex"));
  near.write(Buffer.from("010300000001ffff", "hex"));
  await expect.poll(() => simulator.requestCount).toBe(2);
  expect(heard()).toBe("");
});

test.each([
  ["bad-crc", { kind: "bad-crc" }, "010302004d878e"],
  ["echo", { kind: "echo" }, rtuRequest + rtuAnswer],
  ["slow", { kind: "slow", characterMs: 1 }, rtuAnswer],
  ["truncated", { kind: "truncated", bytes: 2 }, "010302004d"],
] as const)("the fault %s stands on the line", async (_kind, fault, expected) => {
  const { simulator, near, heard } = line("rtu");
  simulator.inject(fault);
  near.write(Buffer.from(rtuRequest, "hex"));
  await expect.poll(heard).toBe(expected);
});

test("runs alone on a pseudo-terminal that is gone with it", async (ctx) => {
  if (findSocat() === undefined) ctx.skip("socat is not installed");
  const folder = mkdtempSync(join(tmpdir(), "linegate-line-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const port = join(folder, "port");
  const script = new URL("main.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, "--serial", port, "--baud", "9600", "--framing", "ascii"]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  expect(said.toString()).toBe(`Modbus ASCII on ${port}, units 1\n`);
  expect(existsSync(port)).toBe(true);
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(existsSync(port)).toBe(false);
});
