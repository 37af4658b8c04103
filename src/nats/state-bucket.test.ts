import { rm } from "node:fs/promises";
import { join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import { Kvm, type KV } from "@nats-io/kv";
import { connect, type ConnectionOptions, type NatsConnection } from "@nats-io/transport-node";
import { hash } from "bcrypt";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { natsUsers } from "../security/nats-permissions.ts";
import type { NatsPart } from "./nats-part.ts";
import { StateBucket } from "./state-bucket.ts";
import { keptLog, never, noServerHere, scratchFolder, testPart } from "./testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const nats = { embedded: { listen: "127.0.0.1:0", store: "data", maxBytes: "100MB" } };

function bucketOn({ link }: NatsPart, prefix = "plant1.line1"): StateBucket {
  const bucket = new StateBucket({
    bucket: "alerts",
    prefix,
    maxBytes: 1_000_000,
    link,
    clock: systemClock,
    log: keptLog(),
  });
  bucket.start();
  onTestFinished(() => bucket.stop());
  return bucket;
}

async function client(part: NatsPart, login: ConnectionOptions = {}): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${part.server?.port}`, reconnect: false, ...login });
  onTestFinished(() => connection.close());
  return connection;
}

async function open(connection: NatsConnection): Promise<KV> {
  return new Kvm(jetstream(connection)).open("alerts");
}

/** All that the client's KV API finds. */
async function contents(kv: KV): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const key of await kv.keys()) found[key] = (await kv.get(key))?.string() ?? "";
  return found;
}

test("what is put, before and after the connection, is what the client's KV API reads", async () => {
  const part = await testPart(nats);
  const bucket = bucketOn(part);
  bucket.put("overpressure", '{"state":"normal"}');
  await part.start(never);
  bucket.put("trip", '{"state":"normal"}');
  bucket.put("trip", '{"state":"unacknowledged"}');
  await expect.poll(async () => contents(await open(await client(part)))).not.toEqual({});
  const kv = await open(await client(part));
  await expect
    .poll(() => contents(kv))
    .toEqual({
      "plant1.line1.overpressure": '{"state":"normal"}',
      "plant1.line1.trip": '{"state":"unacknowledged"}',
    });
  bucket.delete("trip");
  await expect.poll(() => contents(kv)).toEqual({ "plant1.line1.overpressure": '{"state":"normal"}' });
});

test("a client that watches sees each change once, and none by a reconnect", async () => {
  const part = await testPart(nats);
  const bucket = bucketOn(part);
  bucket.put("overpressure", "1");
  await part.start(never);
  await expect
    .poll(async () => contents(await open(await client(part))))
    .toEqual({ "plant1.line1.overpressure": "1" });
  process.kill(part.server?.pid ?? 0, "SIGKILL");
  await expect.poll(() => part.link.counters.connects, { timeout: 10_000 }).toBe(2);
  const kv = await open(await client(part));
  bucket.put("overpressure", "2");
  await expect.poll(() => contents(kv)).toEqual({ "plant1.line1.overpressure": "2" });
  expect((await kv.get("plant1.line1.overpressure"))?.revision).toBe(2);
});

test("what changed while NATS was away is there after its return, and what went is gone", async () => {
  const part = await testPart(nats);
  const first = bucketOn(part);
  first.put("overpressure", "1");
  first.put("trip", "1");
  await part.start(never);
  await expect.poll(async () => Object.keys(await contents(await open(await client(part))))).toHaveLength(2);
  await first.stop();
  const second = new StateBucket({
    bucket: "alerts",
    prefix: "plant1.line1",
    maxBytes: 1_000_000,
    link: part.link,
    clock: systemClock,
    log: keptLog(),
  });
  onTestFinished(() => second.stop());
  second.put("overpressure", "2");
  second.start();
  await expect
    .poll(async () => contents(await open(await client(part))))
    .toEqual({ "plant1.line1.overpressure": "2" });
});

test("a server that comes back with an empty store gets all states again", async () => {
  const siteDir = await scratchFolder();
  const part = await testPart(nats, { siteDir });
  const bucket = bucketOn(part);
  bucket.put("overpressure", "1");
  await part.start(never);
  const there = { "plant1.line1.overpressure": "1" };
  await expect.poll(async () => contents(await open(await client(part)))).toEqual(there);
  await rm(join(siteDir, "data", "jetstream"), { recursive: true });
  process.kill(part.server?.pid ?? 0, "SIGKILL");
  await expect.poll(() => part.link.counters.connects, { timeout: 10_000 }).toBe(2);
  await expect.poll(async () => contents(await open(await client(part)))).toEqual(there);
});

test("the same state again is not written again", async () => {
  const part = await testPart(nats);
  await part.start(never);
  const bucket = bucketOn(part);
  // A direct get from a bucket that is not there yet is answered by nobody, until it times out.
  await expect.poll(async () => contents(await open(await client(part)))).toEqual({});
  const kv = await open(await client(part));
  for (const [key, json] of [
    ["overpressure", "1"],
    ["overpressure", "1"],
    ["trip", "1"],
  ] as const) {
    bucket.put(key, json);
    await expect.poll(async () => (await kv.get(`plant1.line1.${key}`))?.string()).toBe(json);
  }
  expect((await kv.get("plant1.line1.overpressure"))?.revision).toBe(1);
});

test("who may read all that a service tells reads its bucket, and changes nothing in it", async () => {
  const user = { passwordHash: await hash("let me in", 4), read: ["alert/#"], publish: [], write: [] };
  const place = { gateway: "test-gw", site: "plant1/line1", imageBucket: "images" };
  const part = await testPart(nats, { users: natsUsers({ panel: user }, place) });
  const bucket = bucketOn(part);
  bucket.put("overpressure", "1");
  await part.start(never);
  const panel = await client(part, { user: "panel", pass: "let me in" });
  const kv = await open(panel);
  const there = { "plant1.line1.overpressure": "1" };
  await expect.poll(() => contents(kv).catch(() => ({}))).toEqual(there);
  await expect(kv.put("plant1.line1.overpressure", "2")).rejects.toThrow(/permission/i);
  await expect(kv.purge("plant1.line1.overpressure")).rejects.toThrow(/permission/i);
  const line = await new Kvm(jetstream(panel, { timeout: 1_000 })).open("line");
  await expect(line.get("plant1.line1.press")).rejects.toThrow(/permission/i);
  expect(await contents(kv)).toEqual(there);
});

test("another gateway's keys are left alone, though its place lies below", async () => {
  const part = await testPart(nats);
  await part.start(never);
  const line = bucketOn(part, "plant1.line1");
  line.put("trip", "1");
  await expect
    .poll(async () => contents(await open(await client(part))))
    .toEqual({ "plant1.line1.trip": "1" });
  const kv = await open(await client(part));
  const plant = bucketOn(part, "plant1");
  plant.put("power", "1");
  await expect.poll(() => contents(kv)).toEqual({ "plant1.line1.trip": "1", "plant1.power": "1" });
});
