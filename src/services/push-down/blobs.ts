import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GatewayError } from "../../domain/errors.ts";
import { putCopy, takeAway, type Disk } from "./disk.ts";
import { pushFolder } from "./journal.ts";
import { pieceBytes, type PushedFile } from "./order.ts";

/** Contents of files under their SHA-256 in `.push/blobs`: what was fetched, and what was there before. */
export class Blobs {
  readonly #folder: string;
  readonly #disk: Disk;

  /** @param dir the site folder, absolute */
  constructor(dir: string, disk: Disk) {
    this.#folder = join(dir, pushFolder, "blobs");
    this.#disk = disk;
  }

  path(sha256: string): string {
    return join(this.#folder, sha256);
  }

  /** Of a file in the folder as it is now, kept; null where there is none. */
  async keep(file: string): Promise<string | null> {
    const sha256 = await hashOf(file);
    if (sha256 === null || (await this.has(sha256))) return sha256;
    await putCopy(this.#disk, file, this.path(sha256));
    return sha256;
  }

  async has(sha256: string): Promise<boolean> {
    // A file under its hash was complete before it got the name; one that the disk spoilt is no use all the same.
    return (await hashOf(this.path(sha256))) === sha256;
  }

  /**
   * Fetches a file piece by piece, going on where an earlier try ended. Rejects with WRITE_REFUSED where it is not what
   * the order says.
   *
   * @param piece the bytes of a piece, from 0
   */
  async fetch(file: PushedFile, piece: (index: number) => Promise<Uint8Array>): Promise<void> {
    const { sha256, bytes } = file;
    if (await this.has(sha256)) return;
    const path = this.path(sha256);
    const partial = `${path}.part`;
    await this.#disk.makeFolder(dirname(path));
    let have = await sizeOf(partial);
    if (have === undefined) await this.#disk.write(partial, "");
    const whole = Math.floor(Math.min(have ?? 0, bytes) / pieceBytes) * pieceBytes;
    if (have !== undefined && have > whole) await this.#disk.cut(partial, whole);
    for (have = whole; have < bytes;) {
      const part = await piece(have / pieceBytes);
      if (part.length !== Math.min(pieceBytes, bytes - have)) await this.#refuse(file, partial);
      await this.#disk.append(partial, part);
      have += part.length;
    }
    if ((await hashOf(partial)) !== sha256) await this.#refuse(file, partial);
    await this.#disk.rename(partial, path);
    await this.#disk.syncFolder(this.#folder);
  }

  /** Removes what nobody needs any more. */
  async keepOnly(needed: ReadonlySet<string>): Promise<void> {
    const names: string[] = await readdir(this.#folder).catch(() => []);
    for (const name of names.filter((one) => !needed.has(one)))
      await takeAway(this.#disk, join(this.#folder, name));
  }

  async #refuse({ path }: PushedFile, partial: string): Promise<never> {
    await takeAway(this.#disk, partial);
    throw new GatewayError(
      "WRITE_REFUSED",
      `What the hub has for ${path} is not what its order says. Push it again.`,
    );
  }
}

/** Of a file's bytes; null where there is none. */
export async function hashOf(file: string): Promise<string | null> {
  if ((await sizeOf(file)) === undefined) return null;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() === true ? found.size : undefined;
}
