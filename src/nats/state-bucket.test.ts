import { rm } from "node:fs/promises";
import { join } from "node:path";
import { connect, type ConnectionOptions, type NatsConnection } from "@nats-io/transport-node";
import { hash } from "bcrypt";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { natsUsers } from "../security/nats-permissions.ts";
import { bucketContents, openBucket } from "./bucket-looks.ts";
import type { NatsPart } from "./nats-part.ts";
import { StateBucket } from "./state-bucket.ts";
import { keptLog, never, noServerHere, scratchFolder, testPart } from "./testing.ts";
import { signalTo } from "./processes-testing.ts";

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

/** All that a client that comes now finds. */
async function look(part: NatsPart): Promise<Record<string, string>> {
  return bucketContents(await openBucket(await client(part), "alerts"));
}

test("what is put, before and after the connection, is what the client's KV API reads", async () => {
  const part = await testPart(nats);
  const bucket = bucketOn(part);
  bucket.put("overpressure", '{"state":"normal"}');
  await part.start(never);
  bucket.put("trip", '{"state":"normal"}');
  bucket.put("trip", '{"state":"unacknowledged"}');
  await expect.poll(() => look(part)).not.toEqual({});
  const kv = await openBucket(await client(part), "alerts");
  await expect
    .poll(() => bucketContents(kv))
    .toEqual({
      "plant1.line1.overpressure": '{"state":"normal"}',
      "plant1.line1.trip": '{"state":"unacknowledged"}',
    });
  bucket.delete("trip");
  await expect.poll(() => bucketContents(kv)).toEqual({ "plant1.line1.overpressure": '{"state":"normal"}' });
});

test("a client that watches sees each change once, and none by a reconnect", async () => {
  const part = await testPart(nats);
  const bucket = bucketOn(part);
  bucket.put("overpressure", "1");
  await part.start(never);
  await expect.poll(() => look(part)).toEqual({ "plant1.line1.overpressure": "1" });
  signalTo(part.server?.pid, "SIGKILL");
  await expect.poll(() => part.link.counters.connects).toBe(2);
  const kv = await openBucket(await client(part), "alerts");
  bucket.put("overpressure", "2");
  await expect.poll(() => bucketContents(kv)).toEqual({ "plant1.line1.overpressure": "2" });
  expect((await kv.get("plant1.line1.overpressure"))?.revision).toBe(2);
});

test("what changed while NATS was away is there after its return, and what went is gone", async () => {
  const part = await testPart(nats);
  const first = bucketOn(part);
  first.put("overpressure", "1");
  first.put("trip", "1");
  await part.start(never);
  await expect.poll(async () => Object.keys(await look(part))).toHaveLength(2);
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
  await expect.poll(() => look(part)).toEqual({ "plant1.line1.overpressure": "2" });
});

test("a server that comes back with an empty store gets all states again", async () => {
  const siteDir = await scratchFolder();
  const part = await testPart(nats, { siteDir });
  const bucket = bucketOn(part);
  bucket.put("overpressure", "1");
  await part.start(never);
  const there = { "plant1.line1.overpressure": "1" };
  await expect.poll(() => look(part)).toEqual(there);
  await rm(join(siteDir, "data", "jetstream"), { recursive: true });
  signalTo(part.server?.pid, "SIGKILL");
  await expect.poll(() => part.link.counters.connects).toBe(2);
  await expect.poll(() => look(part)).toEqual(there);
});

test("the same state again is not written again", async () => {
  const part = await testPart(nats);
  await part.start(never);
  const bucket = bucketOn(part);
  await expect.poll(() => look(part)).toEqual({});
  const kv = await openBucket(await client(part), "alerts");
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
  const kv = await openBucket(panel, "alerts");
  const there = { "plant1.line1.overpressure": "1" };
  await expect.poll(() => bucketContents(kv).catch(() => ({}))).toEqual(there);
  await expect(kv.put("plant1.line1.overpressure", "2")).rejects.toThrow(/permission/i);
  await expect(kv.purge("plant1.line1.overpressure")).rejects.toThrow(/permission/i);
  const line = await openBucket(panel, "line");
  await expect(line.get("plant1.line1.press")).rejects.toThrow(/permission/i);
  expect(await bucketContents(kv)).toEqual(there);
});

test("another gateway's keys are left alone, though its place lies below", async () => {
  const part = await testPart(nats);
  await part.start(never);
  const line = bucketOn(part, "plant1.line1");
  line.put("trip", "1");
  await expect.poll(() => look(part)).toEqual({ "plant1.line1.trip": "1" });
  const kv = await openBucket(await client(part), "alerts");
  const plant = bucketOn(part, "plant1");
  plant.put("power", "1");
  await expect.poll(() => bucketContents(kv)).toEqual({ "plant1.line1.trip": "1", "plant1.power": "1" });
});
