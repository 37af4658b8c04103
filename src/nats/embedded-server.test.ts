import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { findServer } from "./find-server.ts";
import { inspectServer } from "./server-program.ts";
import { keptLog, never, noServerHere, runScript, scratchFolder, testServer } from "./testing.ts";
import { isRunning, signalTo } from "./processes-testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

test("starts on a free port, keeps its configuration to itself, and ends when stopped, twice over", async () => {
  const store = await scratchFolder();
  const server = await testServer({ store });
  await server.start(never);
  const { pid, port } = server;
  expect(server.state).toBe("running");
  await greets(port);
  expect((await stat(join(store, "nats-server.json"))).mode & 0o777).toBe(0o600);
  await Promise.all([server.stop(), server.stop()]);
  expect(server.state).toBe("stopped");
  expect(isRunning(pid)).toBe(false);
  await expect(stat(join(store, "nats-server.pid"))).rejects.toThrow("ENOENT");
});

test("a server that dies is started again on the same port", async () => {
  const log = keptLog();
  const server = await testServer({ log });
  await server.start(never);
  const { pid, port } = server;
  signalTo(pid, "SIGKILL");
  await vi.waitFor(() => expect(server.restarts).toBe(1));
  expect(server).toMatchObject({ state: "running", port });
  expect(server.pid).not.toBe(pid);
  await greets(port);
  expect(log.lines.filter((line) => line.startsWith("error"))).toEqual([
    'error nats-server has ended; it will be started again {"how":"ended by SIGKILL","nextTryInMs":75}',
  ]);
});

test("a Ctrl-C in the terminal does not reach the server", async () => {
  const server = await testServer();
  await server.start(never);
  const fields = (await readFile(`/proc/${server.pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
  const processGroup = Number(fields[2]);
  expect(processGroup).toBe(server.pid);
});

test("what the server dislikes in its configuration stands in the error", async () => {
  const server = await testServer({ tls: { cert: "/nowhere/cert.pem", key: "/nowhere/key.pem" } });
  await expect(server.start(never)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/refuses its configuration: .*\/nowhere\/cert\.pem/),
  });
  expect(server.state).toBe("stopped");
});

test("a port that is taken is told at the start", async () => {
  const first = await testServer();
  await first.start(never);
  const second = await testServer({ listen: { host: "127.0.0.1", port: first.port } });
  await expect(second.start(never)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: `nats-server can't open 127.0.0.1:${first.port}: another program listens there. Check \`nats.embedded.listen\` in gateway.yaml.`,
  });
});

test("a start that is aborted leaves no server", async () => {
  const store = await scratchFolder();
  const server = await testServer({ store });
  const abort = new AbortController();
  const started = server.start(abort.signal);
  abort.abort();
  await expect(started).rejects.toThrow("abort");
  expect(isRunning(server.pid)).toBe(false);
});

test("the server is gone when the gateway is killed", async (ctx) => {
  const { diesWithGateway } = await inspectServer(await findServer(undefined, process.env["PATH"] ?? ""));
  ctx.skip(!diesWithGateway, "setpriv (util-linux) is not installed on this machine");
  const gateway = await runScript(startInScript(await scratchFolder()));
  const serverPid = Number(gateway.firstLine);
  expect(isRunning(serverPid)).toBe(true);
  signalTo(gateway.pid, "SIGKILL");
  await vi.waitFor(() => expect(isRunning(serverPid)).toBe(false));
});

test("a server that a killed gateway left behind is ended by the next one", async () => {
  const store = await scratchFolder();
  const configFile = join(store, "nats-server.json");
  const server = await testServer({ store });
  await server.start(never);
  await server.stop();
  const program = await findServer(undefined, process.env["PATH"] ?? "");
  const leftover = spawn(program, ["-c", configFile], { stdio: "ignore", env: process.env });
  onTestFinished(() => void leftover.kill("SIGKILL"));
  const ended = once(leftover, "exit");
  // The gateway that started it is no more: no process has that number (proc(5), pid_max is below 2^22).
  await writeFile(join(store, "nats-server.pid"), `${leftover.pid} 4194305\n`);
  await greets(server.port);
  const next = await testServer({ store, listen: { host: "127.0.0.1", port: server.port } });
  await next.start(never);
  expect(await ended).toEqual([null, "SIGKILL"]);
  await greets(next.port);
});

test("a process that merely has the number of an old server is left alone", async () => {
  const store = await scratchFolder();
  const bystander = spawn("sleep", ["60"], { stdio: "ignore" });
  onTestFinished(() => void bystander.kill("SIGKILL"));
  await writeFile(join(store, "nats-server.pid"), `${bystander.pid} 1\n`);
  const server = await testServer({ store });
  await server.start(never);
  expect(isRunning(bystander.pid)).toBe(true);
});

test("a second gateway on the same store is refused and does the first no harm", async () => {
  const store = await scratchFolder();
  const first = await testServer({ store });
  await first.start(never);
  const second = await testServer({ store });
  await expect(second.start(never)).rejects.toThrow(
    /Another gateway \(process \d+\) is running on this folder/,
  );
  expect(isRunning(first.pid)).toBe(true);
});

/** Resolves when something at the port speaks first, as nats-server does. */
async function greets(port: number): Promise<void> {
  await vi.waitFor(async () => {
    const socket = connect(port, "127.0.0.1");
    try {
      const [greeting] = (await once(socket, "data")) as [Buffer];
      expect(greeting.toString()).toMatch(/^INFO /);
    } finally {
      socket.destroy();
    }
  });
}

function startInScript(store: string): string {
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  return `
    const { EmbeddedServer } = await import(${module("./embedded-server.ts")});
    const { createOwnKey } = await import(${module("./own-access.ts")});
    const { systemClock } = await import(${module("../adapter-kit/clock.ts")});
    const silent = () => undefined;
    const server = new EmbeddedServer({
      gateway: "killed", listen: { host: "127.0.0.1", port: 0 }, store: ${JSON.stringify(store)},
      maxFileBytes: 1e6, maxMemoryBytes: 1e6, gatewayKey: createOwnKey().publicKey, users: [],
      searchPath: process.env.PATH, clock: systemClock, random: Math.random,
      log: { debug: silent, info: silent, warn: silent, error: silent },
    });
    await server.start(new AbortController().signal);
    console.log(server.pid);
    setInterval(silent, 1000);
  `;
}
