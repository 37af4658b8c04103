import { statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createDurable } from "./durable-stream.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { prepareStore, storeLimit } from "./store.ts";
import { never, noServerHere, scratchFolder, testLink, testServer } from "./testing.ts";

test("JetStream is given what was asked for where the disk has it", async () => {
  expect(await storeLimit(await scratchFolder(), 1_000_000)).toBe(1_000_000);
});

test("JetStream is given less than the disk's free space, so that the disk never fills up by it", async () => {
  const folder = await scratchFolder();
  const { blocks, bsize } = await statfs(folder);
  const limit = await storeLimit(folder, Number.MAX_SAFE_INTEGER);
  expect(limit).toBeGreaterThan(0);
  expect(limit).toBeLessThanOrEqual(blocks * bsize * 0.9);
});

test("a store that is given less than its streams were promised has them all the same", async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
  const store = await scratchFolder();
  const apiOf = async (maxFileBytes: number) => {
    const server = await testServer({ store, maxFileBytes });
    await server.start(never);
    const link = testLink();
    link.start(() => ({ url: `nats://127.0.0.1:${server.port}` }));
    await expect.poll(() => link.state).toBe("connected");
    return { server, api: new JetStreamApi((subject, payload) => link.request(subject, payload, 2_000)) };
  };
  const first = await apiOf(50_000_000);
  await createDurable(first.api, "EVENTS", 1, 40_000_000);
  await first.api.publish("event.a", "one");
  await first.server.stop();
  expect(await storeLimit(store, 1_000_000)).toBe(5_000_000);
  const second = await apiOf(1_000_000);
  expect((await second.api.streamInfo("EVENTS"))?.state.last_seq).toBe(1);
});

test("a store that can't be made is told with its path", async () => {
  const file = join(await scratchFolder(), "file");
  await writeFile(file, "");
  await expect(prepareStore(join(file, "data"))).rejects.toThrow(
    /nats\.embedded\.store can't be made: .*file\/data/,
  );
});
