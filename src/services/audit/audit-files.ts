import { mkdir, open, readdir, readFile, rm, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { readEntry, type ChainHead } from "./audit-entry.ts";
import { segmentName, segmentNumber } from "./audit-segment.ts";
import type { SegmentText } from "./verify-chain.ts";

/** How much of the trail stays on disk: whole segments go, the oldest first, never the one that is written to. */
export interface AuditLimits {
  readonly maxBytes: number;
  /** ms. */
  readonly maxAge: number;
}

/** The numbers of the segments in a folder, oldest first; none where there is no folder. */
export async function listSegments(dir: string): Promise<readonly number[]> {
  const names = await readdir(dir).catch(() => []);
  return names
    .map(segmentNumber)
    .filter((number) => number !== undefined)
    .toSorted((one, other) => one - other);
}

export async function readSegment(dir: string, number: number): Promise<SegmentText> {
  const name = segmentName(number);
  return { number, name, text: await readFile(join(dir, name), "utf8") };
}

/** What an earlier run wrote to a segment is safe from a power cut afterwards. */
export async function syncSegment(dir: string, number: number): Promise<void> {
  const handle = await open(join(dir, segmentName(number)), "r+");
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** What the first entry of a segment says. */
interface SegmentStart {
  readonly number: number;
  readonly bytes: number;
  /** What its first entry is chained to. */
  readonly before: ChainHead;
  readonly timestamp: number;
}

/** The segments on disk, as the gateway writes them: appended to, made durable, the oldest removed. */
export class AuditFiles {
  readonly #dir: string;
  #number: number | undefined;
  #handle: FileHandle | undefined;
  /** Bytes of whole lines in the segment that is written to. */
  #size = 0;
  /** The segment's name may not be durable yet. */
  #isNew = false;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Appends whole lines to a segment, which is made where it is not there. What failed leaves no part of a line. */
  async append(number: number, lines: readonly string[]): Promise<void> {
    if (number !== this.#number) {
      await this.close();
      this.#number = number;
      this.#size = 0;
      this.#isNew = true;
    }
    const handle = (this.#handle ??= await this.#open(number));
    const bytes = Buffer.from(`${lines.join("\n")}\n`);
    try {
      await handle.appendFile(bytes);
      this.#size += bytes.length;
    } catch (caught) {
      this.#handle = undefined;
      await handle.truncate(this.#size).catch(() => undefined);
      await handle.close().catch(() => undefined);
      throw caught;
    }
  }

  /** What was appended is safe from a power cut afterwards. */
  async sync(): Promise<void> {
    await this.#handle?.datasync();
    if (!this.#isNew) return;
    // The name of a new file is durable with its folder only.
    const folder = await open(this.#dir, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    this.#isNew = false;
  }

  async close(): Promise<void> {
    if (this.#handle !== undefined) await this.sync();
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  /** The segments that have to go, and the one that is the oldest then; undefined where all may stay. */
  async outgrown(
    limits: AuditLimits,
    now: number,
  ): Promise<{ gone: readonly number[]; oldest: SegmentStart } | undefined> {
    const starts: SegmentStart[] = [];
    for (const number of await listSegments(this.#dir)) {
      const start = await startOf(this.#dir, number);
      // What has no beginning of its own is for people to look at.
      if (start !== undefined) starts.push(start);
    }
    let total = starts.reduce((sum, { bytes }) => sum + bytes, 0);
    const gone: number[] = [];
    for (const [index, start] of starts.entries()) {
      const next = starts[index + 1];
      if (next === undefined) break;
      if (total <= limits.maxBytes && now - next.timestamp <= limits.maxAge) {
        return gone.length === 0 ? undefined : { gone, oldest: start };
      }
      gone.push(start.number);
      total -= start.bytes;
    }
    const oldest = starts.at(-1);
    return gone.length === 0 || oldest === undefined ? undefined : { gone, oldest };
  }

  async remove(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) await rm(join(this.#dir, segmentName(number)), { force: true });
  }

  async #open(number: number): Promise<FileHandle> {
    await mkdir(this.#dir, { recursive: true });
    const handle = await open(join(this.#dir, segmentName(number)), "a", 0o640);
    try {
      await handle.truncate(this.#size);
      return handle;
    } catch (caught) {
      await handle.close();
      throw caught;
    }
  }
}

async function startOf(dir: string, number: number): Promise<SegmentStart | undefined> {
  const path = join(dir, segmentName(number));
  const { size: bytes } = await stat(path);
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(1_024), 0, 1_024, 0);
    const [first = ""] = buffer.toString("utf8", 0, bytesRead).split("\n", 1);
    const entry = readEntry(first);
    const { previous, timestamp } = entry?.fields ?? {};
    if (entry === undefined || typeof previous !== "string" || typeof timestamp !== "number")
      return undefined;
    return { number, bytes, before: { sequence: entry.claims.sequence - 1, hash: previous }, timestamp };
  } finally {
    await handle.close();
  }
}
