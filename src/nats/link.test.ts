import { createServer } from "node:net";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { EmbeddedServer } from "./embedded-server.ts";
import { GatewayError } from "../domain/errors.ts";
import type { LinkTarget } from "./dial.ts";
import { keptLog, never, noServerHere, testLink, testServer } from "./testing.ts";
import { signalTo } from "./processes-testing.ts";

const payload = Buffer.from(`{"value":1,"quality":"good","timestamp":1795370000123,"sequence":1}`);
const text = (data: Uint8Array) => Buffer.from(data).toString();

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

test("what is published while there is no server is dropped and counted, and nothing is kept of it", async () => {
  const link = testLink();
  link.start(() => ({ url: "nats://127.0.0.1:1" }));
  for (let i = 0; i < 1_000; i++) expect(link.publish("data.a.b", payload)).toBe(false);
  expect(link.counters).toMatchObject({ published: 0, inFlightBytes: 0, dropped: { disconnected: 1_000 } });
  await vi.waitFor(() => expect(link.lastError).toMatch(/ECONNREFUSED/));
  expect(link.state).toBe("connecting");
});

test("an absence is told once, with what is wrong and the next try, and the connection comes by itself", async () => {
  const log = keptLog();
  const link = testLink({ log });
  const server = await testServer();
  await server.start(never);
  const { port } = server;
  await server.stop();
  link.start(targetOf(server));
  await vi.waitFor(() =>
    expect(log.lines.filter((line) => line.startsWith("debug")).length).toBeGreaterThan(1),
  );
  const back = await testServer({ listen: { host: "127.0.0.1", port } });
  await back.start(never);
  await connected(link);
  expect(log.lines.filter((line) => line.startsWith("warn"))).toEqual([
    expect.stringMatching(/^warn No connection to NATS.*ECONNREFUSED.*"nextTryInMs":/),
  ]);
});

test("a subscription survives the death of the server, and requests are answered through it", async () => {
  const server = await testServer();
  const link = testLink();
  link.subscribe("cmd.>", (message) => message.respond(`got ${text(message.data)}`));
  await server.start(never);
  link.start(targetOf(server));
  await connected(link);
  expect(text(await link.request("cmd.press.speed", "1", 1_000))).toBe("got 1");
  signalTo(server.pid, "SIGKILL");
  await vi.waitFor(() => expect(link.counters.connects).toBe(2));
  const stop = link.subscribe("late", (message) => message.respond("late"));
  expect(text(await link.request("cmd.press.speed", "2", 1_000))).toBe("got 2");
  expect(text(await link.request("late", "", 1_000))).toBe("late");
  stop();
  await expect(link.request("late", "", 1_000)).rejects.toMatchObject({ code: "UPLINK_UNAVAILABLE" });
});

test("a handler that throws costs its message only", async () => {
  const log = keptLog();
  const { link } = await linked({ log });
  link.subscribe("bad", () => {
    throw new GatewayError("INTERNAL", "a handler's mistake");
  });
  link.subscribe("good", (message) => message.respond("well"));
  link.publish("bad", payload);
  expect(text(await link.request("good", "", 1_000))).toBe("well");
  expect(log.lines).toContainEqual(expect.stringContaining("a handler's mistake"));
});

test("a server that stands still is sent no more than the limit, and all is filled again when it goes on", async () => {
  const { server, link } = await linked({ inFlightLimit: 1_000_000 });
  const refills: string[] = [];
  link.onRefill((reason) => refills.push(reason));
  signalTo(server.pid, "SIGSTOP");
  onTestFinished(() => signalTo(server.pid, "SIGCONT"));
  for (let i = 0; i < 50_000; i++) link.publish("data.a.b", payload);
  const { published, dropped, inFlightBytes } = link.counters;
  expect(inFlightBytes).toBeLessThanOrEqual(1_000_000);
  expect(dropped.backpressure).toBeGreaterThan(10_000);
  expect(published + dropped.backpressure).toBe(50_000);
  signalTo(server.pid, "SIGCONT");
  await vi.waitFor(() => expect(refills).toEqual(["drained"]));
  expect(link.publish("data.a.b", payload)).toBe(true);
});

test("a message above the server's limit is dropped and counted, and the connection stays", async () => {
  const { link } = await linked();
  expect(link.publish("data.a.b", Buffer.alloc(2_000_000))).toBe(false);
  expect(link.publish("data.a.b", payload)).toBe(true);
  await link.flush();
  expect(link.counters).toMatchObject({ published: 1, dropped: { oversized: 1 }, connects: 1 });
});

test("messages under way when the server dies are counted as unconfirmed", async () => {
  const { server, link } = await linked();
  signalTo(server.pid, "SIGSTOP");
  for (let i = 0; i < 10; i++) link.publish("data.a.b", payload);
  signalTo(server.pid, "SIGKILL");
  await vi.waitFor(() => expect(link.counters.connects).toBe(2));
  expect(link.counters).toMatchObject({ published: 10, unconfirmed: 10, inFlightBytes: 0 });
});

test("a peer that takes connections and says nothing holds up neither the stop nor the process", async () => {
  const mute = createServer();
  mute.listen(0, "127.0.0.1");
  await vi.waitFor(() => expect(mute.listening).toBe(true));
  onTestFinished(() => void mute.close());
  const { port } = mute.address() as { port: number };
  const met = new Promise((resolve) => mute.once("connection", resolve));
  const link = testLink();
  link.start(() => ({ url: `nats://127.0.0.1:${port}` }));
  await met;
  await link.stop();
  expect(link.state).toBe("stopped");
  await vi.waitFor(async () => {
    const open = await new Promise((resolve) => mute.getConnections((_, count) => resolve(count)));
    expect(open).toBe(0);
  });
});

test("a stop while the server takes the connection ends the link", async () => {
  const link = testLink();
  const stops: Promise<void>[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write('INFO {"server_id":"x","version":"2.9.10","max_payload":1048576,"headers":true}\r\n');
    socket.on("data", (bytes) => {
      if (!bytes.includes("PING")) return;
      stops.push(link.stop());
      socket.write("PONG\r\n");
    });
  });
  server.listen(0, "127.0.0.1");
  await vi.waitFor(() => expect(server.listening).toBe(true));
  onTestFinished(() => void server.close());
  const { port } = server.address() as { port: number };
  link.start(() => ({ url: `nats://127.0.0.1:${port}` }));
  await vi.waitFor(() => expect(stops.length).toBeGreaterThan(0));
  await Promise.all(stops);
  expect(link.state).toBe("stopped");
});

function targetOf(server: EmbeddedServer): () => LinkTarget {
  return () => ({ url: `nats://127.0.0.1:${server.port}` });
}

async function connected(link: ReturnType<typeof testLink>): Promise<void> {
  await vi.waitFor(() => expect(link.state).toBe("connected"));
}

async function linked(options: Parameters<typeof testLink>[0] = {}) {
  const server = await testServer();
  const link = testLink(options);
  await server.start(never);
  link.start(targetOf(server));
  await connected(link);
  return { server, link };
}
