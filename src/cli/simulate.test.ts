import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadModbusRtu } from "../../adapters/modbus/modbus-serial.ts";
import { siteFolder } from "../config/test-site.ts";

const main = join(import.meta.dirname, "..", "..", "bin", "linegate.mjs");

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

function startSimulate(...args: readonly string[]) {
  const child = spawn(process.execPath, [main, "simulate", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = once(child, "close").then(([code]): Ended => ({
    code: code as number | null,
    stderr: said.stderr,
  }));
  return { child, ended, said };
}

/** Not port 1: other tests take it for one where nobody listens. */
const tank = (host: string) => `
device: tank-1
adapter: modbus
connection: { transport: tcp, host: ${host}, port: 15020 }
tags:
  level:    { address: "holding:3", type: float32, unit: "%" }
  setpoint: { address: "holding:9", write: { min: 0, max: 100 } }
`;
const sensor = `
device: sensor-1
adapter: mqtt
connection: {}
tags:
  "shelf/{1}/stock": { address: store/shelf/+/stock, payload: number }
`;

test("serves every device of a folder from its mapping until SIGTERM", async () => {
  const dir = await siteFolder({ "devices/tank-1.yaml": tank("127.0.0.1"), "devices/sensor-1.yaml": sensor });
  const args = ["--ports", "free-if-taken", "--broker", "mqtt://127.0.0.1:1"];
  const { child, ended, said } = startSimulate(dir, ...args);
  await expect.poll(() => said.stdout).toContain("tank-1");
  expect(said.stdout).toMatch(
    /sensor-1 +mqtt +client sensor-1 on store\/shelf\/\+\/stock at mqtt:\/\/127\.0\.0\.1:1, 3 tags/,
  );
  const port = Number(/tank-1 +modbus +127\.0\.0\.1:(\d+) unit 1, 2 tags/.exec(said.stdout)?.[1]);
  const client = new (loadModbusRtu())();
  onTestFinished(() => client.destroy(() => undefined));
  await client.connectTCP("127.0.0.1", { port });
  client.setID(1);
  await client.writeRegister(9, 42);
  expect((await client.readHoldingRegisters(9, 1)).data).toEqual([42]);
  expect((await client.readHoldingRegisters(3, 2)).buffer.readFloatBE(0)).toBeGreaterThan(0);
  child.kill("SIGTERM");
  expect(await ended).toEqual({ code: 0, stderr: "" });
});

test("--seconds ends it; a device beyond loopback needs --host", async () => {
  const dir = await siteFolder({ "devices/tank-1.yaml": tank("192.0.2.7") });
  const refused = await startSimulate(dir, "--ports", "free-if-taken").ended;
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("tank-1 is at 192.0.2.7");
  const args = ["--host", "127.0.0.1", "--ports", "free-if-taken", "--seconds", "0.2"];
  expect(await startSimulate(dir, ...args).ended).toEqual({ code: 0, stderr: "" });
});

test("a folder with mistakes is not simulated, and the mistakes are told", async () => {
  const dir = await siteFolder({ "devices/tank-1.yaml": tank("127.0.0.1").replace("float32", "float33") });
  const { code, stderr } = await startSimulate(dir).ended;
  expect(code).toBe(1);
  expect(stderr).toContain("float32");
});
