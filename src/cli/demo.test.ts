import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { noServerHere, scratchFolder } from "../nats/testing.ts";

const main = join(import.meta.dirname, "..", "..", "bin", "linegate.mjs");

interface RunningDemo {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** So far. */
  stdout: () => string;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `scratch` is the demo's folder for temporary files. */
function startDemo(scratch: string, ...args: readonly string[]): RunningDemo {
  const env = { ...process.env, TMPDIR: scratch, NODE_DISABLE_COMPILE_CACHE: "1" };
  const child = spawn(process.execPath, [main, "demo", ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended, stdout: () => stdout };
}

/** Long enough for another demo of these tests to give its ports back; who has one longer keeps it. */
const triesForPort = 100;
const retryMs = 200;

/** Something else listens on the port, as a broker on a developer's machine does, and perhaps on this one. */
async function occupy(port: number): Promise<void> {
  for (let tried = 0; tried < triesForPort; tried += 1) {
    const server = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
    try {
      // Until it is held: that is what this loop is for.
      await once(server, "listening");
      onTestFinished(() => void server.close());
      return;
    } catch (caught) {
      if ((caught as NodeJS.ErrnoException).code !== "EADDRINUSE") throw caught;
      await sleep(retryMs);
    }
  }
}

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

test(
  "runs the factory with its usual ports taken, writes, and counts what NATS delivered",
  { timeout: 180_000 },
  async () => {
    await Promise.all([1_883, 4_222, 9_464, 1_502, 4_840].map(occupy));
    const { code, stdout, stderr } = await startDemo(await scratchFolder(), "--json", "--seconds", "4").ended;
    expect(stderr).toContain("Port 1883 (MQTT) is taken");
    expect(stdout.trim().split("\n")).toHaveLength(1);
    const summary = JSON.parse(stdout) as Record<string, number>;
    expect(summary).toMatchObject({ devices: 11, online: 11 });
    expect(summary["readings"]).toBeGreaterThan(100);
    expect(summary["natsMessages"]).toBeGreaterThan(100);
    expect(summary["writes"]).toBeGreaterThanOrEqual(1);
    expect(code).toBe(0);
  },
);

test(
  "ends cleanly on SIGINT: the table twice, no process and no store left",
  { timeout: 180_000 },
  async () => {
    const scratch = await scratchFolder();
    const { child, ended, stdout } = startDemo(scratch);
    await expect.poll(stdout, { timeout: 90_000 }).toContain("mosquitto_sub");
    child.kill("SIGINT");
    const { code, stdout: text } = await ended;
    expect(code).toBe(0);
    expect(text.match(/^DEVICE /gm)?.length).toBe(2);
    expect(text).not.toContain("\u001B");
    expect(await readdir(scratch)).toEqual([]);
  },
);
