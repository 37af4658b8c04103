import { constants } from "node:fs";
import { chmod, copyFile, mkdir, open, rename, rm, stat, truncate } from "node:fs/promises";
import { dirname, join, basename } from "node:path";

/** The steps in which a folder is changed: between any two of them the power may go. What is written is synced. */
export interface Disk {
  makeFolder(path: string): Promise<void>;
  write(path: string, bytes: Uint8Array | string): Promise<void>;
  append(path: string, bytes: Uint8Array): Promise<void>;
  cut(path: string, bytes: number): Promise<void>;
  copy(from: string, to: string, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Nothing where there is none. */
  remove(path: string): Promise<void>;
  /** What was renamed or removed in a folder stays so. */
  syncFolder(path: string): Promise<void>;
}

const ownerMayWrite = 0o200;
const usualMode = 0o644;

export const nodeDisk: Disk = {
  makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
  write: (path, bytes) => withFile(path, "w", async (file) => file.writeFile(bytes)),
  append: (path, bytes) => withFile(path, "a", async (file) => file.writeFile(bytes)),
  cut: (path, bytes) => truncate(path, bytes),
  copy: async (from, to, mode) => {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await chmod(to, mode | ownerMayWrite);
    await withFile(to, "r+", async () => {});
  },
  rename: (from, to) => rename(from, to),
  remove: (path) => rm(path, { force: true }),
  syncFolder: async (path) => {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

async function withFile(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Puts a file in the place of another, whole or not at all; the mode stays what it was. */
export async function putCopy(disk: Disk, from: string, to: string): Promise<void> {
  const mode = await stat(to).then(
    (found) => found.mode & 0o777,
    () => usualMode,
  );
  await putWhole(disk, to, (beside) => disk.copy(from, beside, mode));
}

/** The same with what is in memory. */
export async function putText(disk: Disk, to: string, text: string): Promise<void> {
  await putWhole(disk, to, (beside) => disk.write(beside, text));
}

/** Takes a file away for good. */
export async function takeAway(disk: Disk, path: string): Promise<void> {
  await disk.remove(path);
  // Where its folder never was, there is nothing to sync.
  await disk.syncFolder(dirname(path)).catch(() => undefined);
}

async function putWhole(disk: Disk, to: string, fill: (beside: string) => Promise<void>): Promise<void> {
  const folder = dirname(to);
  await disk.makeFolder(folder);
  // Hidden, so that nobody takes half a file for a mapping.
  const beside = join(folder, `.${basename(to)}.pushed`);
  await fill(beside);
  await disk.rename(beside, to);
  await disk.syncFolder(folder);
}
