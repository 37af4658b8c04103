import { statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { prepareStore, storeLimit } from "./store.ts";
import { scratchFolder } from "./testing.ts";

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

test("a store that can't be made is told with its path", async () => {
  const file = join(await scratchFolder(), "file");
  await writeFile(file, "");
  await expect(prepareStore(join(file, "data"))).rejects.toThrow(
    /nats\.embedded\.store can't be made: .*file\/data/,
  );
});
