import { connect } from "@nats-io/transport-node";
import { DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { keptLog, never, noServerHere, plainServer, testPart, testServer } from "./testing.ts";
import { signalTo } from "./processes-testing.ts";

const embedded = { listen: "127.0.0.1:0", store: "data" };
const quickProbe = { everyMs: 50, timeoutMs: 200, misses: 3 };
const value = (n: number) => Buffer.from(`{"value":${n}}`);

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

test("a late joiner gets the last value of every tag with one ordered consumer, and then the changes", async () => {
  const part = await testPart({ embedded });
  await part.start(never);
  for (let i = 0; i < 5; i++)
    for (const tag of ["a", "b", "c"]) part.link.publish(`data.line1.${tag}`, value(i));
  await part.link.flush();
  const peer = await plainClient(part.server?.port);
  const consumer = await jetstream(peer).consumers.get("LATEST", {
    deliver_policy: DeliverPolicy.LastPerSubject,
  });
  const seen: string[] = [];
  for await (const message of await consumer.consume()) {
    seen.push(`${message.subject} ${message.string()}`);
    if (seen.length === 3) part.link.publish("data.line1.b", value(9));
    if (seen.length === 4) break;
  }
  expect(seen).toEqual([
    'data.line1.a {"value":4}',
    'data.line1.b {"value":4}',
    'data.line1.c {"value":4}',
    'data.line1.b {"value":9}',
  ]);
});

test("LATEST is there again and asks to be filled after the server was killed", async () => {
  const part = await testPart({ embedded });
  const refills: string[] = [];
  part.link.onRefill((reason) => {
    refills.push(reason);
    part.link.publish("data.line1.a", value(refills.length));
  });
  await part.start(never);
  signalTo(part.server?.pid, "SIGKILL");
  await vi.waitFor(() => expect(refills).toEqual(["connected", "connected"]));
  expect(part.health()).toEqual({ ok: true });
  await part.link.flush();
  const manager = await jetstreamManager(await plainClient(part.server?.port));
  await vi.waitFor(async () => {
    const last = await manager.streams.getMessage("LATEST", { last_by_subj: "data.line1.a" });
    expect(last?.json()).toEqual({ value: 2 });
  });
});

test("a server that hangs is noticed by its round trip, killed, and back", async () => {
  const log = keptLog();
  const part = await testPart({ embedded }, { probe: quickProbe, log });
  await part.start(never);
  const hung = part.server?.pid;
  signalTo(hung, "SIGSTOP");
  await vi.waitFor(() => expect(part.health().detail).toMatch(/last round trip failed.*timeout/));
  await vi.waitFor(() => expect(part.server?.restarts).toBe(1));
  await vi.waitFor(() => expect(part.health()).toEqual({ ok: true }));
  expect(part.server?.pid).not.toBe(hung);
  expect(log.lines).toContainEqual(expect.stringMatching(/^error nats-server hangs/));
});

test("a server that does well is not killed", async () => {
  const part = await testPart({ embedded }, { probe: { everyMs: 20, timeoutMs: 10_000, misses: 1 } });
  const answered = vi.spyOn(part.link, "request");
  await part.start(never);
  await vi.waitFor(() => expect(answered.mock.settledResults.length).toBeGreaterThan(20));
  expect(part.health()).toEqual({ ok: true });
  expect(part.server?.restarts).toBe(0);
});

test("a server of somebody else's may be away at the start, and is used when it comes", async () => {
  const server = await testServer();
  await server.start(never);
  const { port } = server;
  await server.stop();
  const part = await testPart({ url: `nats://127.0.0.1:${port}`, latestBytes: "1MB" });
  await part.start(never);
  expect(part.server).toBeUndefined();
  await vi.waitFor(() => expect(part.health().detail).toMatch(/No connection to nats-server/));
  const back = await testServer({ listen: { host: "127.0.0.1", port } });
  await back.start(never);
  await vi.waitFor(() => expect(part.health()).toEqual({ ok: true }));
  expect(part.link.publish("data.line1.a", value(1))).toBe(true);
});

test("another stream of the name LATEST is left alone, told, and readings flow all the same", async () => {
  const server = await testServer();
  await server.start(never);
  const peer = await plainClient(server.port);
  await (await jetstreamManager(peer)).streams.add({ name: "LATEST", subjects: ["data.>"] });
  const log = keptLog();
  const part = await testPart({ url: `nats://127.0.0.1:${server.port}` }, { log });
  await part.start(never);
  await vi.waitFor(() => expect(part.link.state).toBe("connected"));
  expect(part.health()).toMatchObject({
    ok: false,
    detail: expect.stringContaining("more than one message a subject"),
  });
  expect(log.lines).toContainEqual(expect.stringMatching(/^warn The stream LATEST is missing/));
  const received = new Promise((resolve) =>
    peer.subscribe("data.x", { callback: (_, m) => resolve(m.string()) }),
  );
  await peer.flush();
  part.link.publish("data.x", value(7));
  expect(await received).toBe('{"value":7}');
});

test("a server without JetStream carries readings, and the missing LATEST is told", async () => {
  const { port } = await plainServer();
  const part = await testPart({ url: `nats://127.0.0.1:${port}` });
  await part.start(never);
  await vi.waitFor(() => expect(part.link.state).toBe("connected"));
  expect(part.health().detail).toMatch(/LATEST is missing: .*nobody answers there/);
  const heard = new Promise((resolve) => part.link.subscribe("data.x", resolve));
  expect(part.link.publish("data.x", value(1))).toBe(true);
  await heard;
});

test("a url that carries a password is refused", async () => {
  const part = await testPart({ url: "nats://user:secret@127.0.0.1:4222" });
  await expect(part.start(never)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.not.stringContaining("secret"),
  });
});

async function plainClient(port: number | undefined) {
  const peer = await connect({ servers: `127.0.0.1:${port}`, reconnect: false });
  onTestFinished(() => peer.close());
  return peer;
}
