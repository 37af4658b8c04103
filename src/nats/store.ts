import { mkdir, readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { GatewayError } from "../domain/errors.ts";

/** Of the space that is there, this much stays free for the rest of the machine: a full disk stops JetStream for good. */
const reserve = 0.1;

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

/** The most that JetStream may keep: `wanted`, or less where the disk has no room for it beside a reserve. */
export async function storeLimit(store: string, wanted: number): Promise<number> {
  const { bavail, bsize } = await statfs(store);
  const held = await bytesBelow(join(store, "jetstream"));
  return Math.min(wanted, held + Math.floor(bavail * bsize * (1 - reserve)));
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
