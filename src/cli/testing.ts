import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { siteFolder } from "../config/test-site.ts";

const main = join(import.meta.dirname, "..", "..", "bin", "linegate.mjs");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** For tests: the real CLI in a process of its own, ended with the test at the latest. */
export function startLinegate(...args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, ...said }));
  return { child, ended, said };
}

/** For tests: the same, waited for. */
export function linegate(...args: readonly string[]): Promise<Ended> {
  return startLinegate(...args).ended;
}

/** For tests: the objects of an output that is one a line. */
export function linesOf(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** For tests: a pump played by the simulator, and a site folder with its device file. */
export async function simulatedPump() {
  const simulator = await ModbusSimulator.start();
  onTestFinished(() => simulator.refuse());
  const unit = simulator.unit();
  unit.holding.keepOnly([0, 49]);
  unit.input.keepOnly([0, 9]);
  unit.coil.keepOnly([0, 3]);
  unit.discrete.keepOnly();
  // 182.4 as a float with its low word first.
  unit.holding.set(40, 0x6666, 0x4336);
  unit.holding.set(10, 800);
  unit.input.set(1, 653);
  const dir = await siteFolder({ "devices/pump-1.yaml": pumpFile(simulator.port) });
  const url = `modbus-tcp://127.0.0.1:${simulator.port}/1`;
  return { simulator, unit, dir, url, file: `${dir}/devices/pump-1.yaml` };
}

/** For tests: its device file. */
export function pumpFile(port: number): string {
  return `
device: pump-1
adapter: modbus
connection: { transport: tcp, host: 127.0.0.1, port: ${port}, timeout: 250ms }
poll: { fast: 50ms, normal: 100ms }
tags:
  pressure:       { address: "holding:40", type: float32, order: CDAB, unit: bar, poll: normal, deadband: 5 }
  temperature:    { address: "input:1", type: int16, scale: 0.1, unit: °C, poll: normal }
  running:        { address: "coil:0", poll: fast }
  motor/setpoint: { address: "holding:10", unit: rpm, poll: fast, write: { min: 0, max: 1500 } }
`;
}
