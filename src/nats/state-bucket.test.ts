import { jetstream } from "@nats-io/jetstream";
import { Kvm, type KV } from "@nats-io/kv";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import type { NatsPart } from "./nats-part.ts";
import { StateBucket } from "./state-bucket.ts";
import { keptLog, never, noServerHere, testPart } from "./testing.ts";

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

async function client(part: NatsPart): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${part.server?.port}`, reconnect: false });
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
