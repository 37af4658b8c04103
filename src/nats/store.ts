import { statfsSync } from "node:fs";
import { mkdir, readdir, readFile, stat, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import { GatewayError } from "../domain/errors.ts";

/** Of the space that is there, this much stays free for the rest of the machine: a full disk stops JetStream for good. */
const reserve = 0.1;

/** With less than this a disk takes one message and refuses the next. */
const nearlyFullBytes = 8_000_000;

/** A matter of microseconds. False where nothing can be said. */
export function isNearlyFull(folder: string, leastBytes = nearlyFullBytes): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize < leastBytes;
  } catch {
    return false;
  }
}

/** Makes the store's folder, for the gateway's user alone. */
export async function prepareStore(store: string): Promise<void> {
  try {
    await mkdir(store, { recursive: true, mode: 0o700 });
  } catch (caught) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `The folder of nats.embedded.store can't be made: ${store}. Check its path and who may write there`,
      { cause: caught },
    );
  }
}

/**
 * The most that JetStream may keep: `wanted`, or less where the disk has no room for it beside a reserve. Never less than its
 * streams are promised: nats-server leaves out a stream for which its limit is too small, and all that is in it.
 */
export async function storeLimit(store: string, wanted: number): Promise<number> {
  const { bavail, bsize } = await statfs(store);
  const files = await filesBelow(join(store, "jetstream"));
  const held = await sum(files.map(async (path) => (await stat(path)).size));
  const promised = await sum(files.filter((path) => basename(path) === "meta.inf").map(promisedBy));
  return Math.max(promised, Math.min(wanted, held + Math.floor(bavail * bsize * (1 - reserve))));
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** What a stream's own file says of its limit. Streams in memory have no such file. */
async function promisedBy(path: string): Promise<number> {
  const { max_bytes: limit } = JSON.parse(await readFile(path, "utf8")) as { max_bytes?: number };
  return Math.max(0, limit ?? 0);
}

/** What can't be read, as a file that is gone by now, counts nothing. */
async function sum(all: readonly Promise<number>[]): Promise<number> {
  const numbers = await Promise.all(all.map((one) => one.catch(() => 0)));
  return numbers.reduce((total, number) => total + number, 0);
}
