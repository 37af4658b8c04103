import { resolve } from "node:path";
import { Blobs } from "./blobs.ts";
import { finishChange, undoChange, type ChangedFolder } from "./change-folder.ts";
import { nodeDisk, type Disk } from "./disk.ts";
import { Journal } from "./journal.ts";

/** A change that the gateway did not come through so often is taken back before it is tried once more. */
const startsAllowed = 3;

/** @param dir the site folder */
export function changedFolder(dir: string, disk: Disk = nodeDisk): ChangedFolder {
  const absolute = resolve(dir);
  return { dir: absolute, disk, journal: new Journal(absolute, disk), blobs: new Blobs(absolute, disk) };
}

/**
 * Before a site folder is read at a start: what a kill left half done is brought to its end, and a change that is on trial
 * is counted, or taken back where the gateway has not come through its starts. Resolves with what was done, in words, or
 * undefined. Rejects with INTERNAL where the disk does not let it.
 */
export async function recoverChange(
  dir: string,
  now: number,
  disk: Disk = nodeDisk,
): Promise<string | undefined> {
  const folder = changedFolder(dir, disk);
  await folder.journal.read();
  const before = folder.journal.change?.state;
  const change = await finishChange(folder, now);
  if (change?.state !== "trial")
    return before === "undoing"
      ? `${change?.order.name} from the hub was taken back: ${change?.why}`
      : undefined;
  if (change.starts >= startsAllowed)
    return back(folder, `the gateway was started ${change.starts} times and did not stay`, now);
  await folder.journal.setChange({ ...change, starts: change.starts + 1, needsStart: false });
  return before === "applying" ? `${change.order.name} from the hub was half taken, and now is` : undefined;
}

/** Takes a change that is on trial back, where there is one: the gateway can't run on it. As `recoverChange`. */
export async function undoTrial(
  dir: string,
  why: string,
  now: number,
  disk: Disk = nodeDisk,
): Promise<string | undefined> {
  const folder = changedFolder(dir, disk);
  await folder.journal.read();
  return folder.journal.change?.state === "trial" ? back(folder, why, now) : undefined;
}

async function back(folder: ChangedFolder, why: string, now: number): Promise<string> {
  const { change } = folder.journal;
  if (change !== undefined) await undoChange(folder, change, why, now);
  return `${change?.order.name} from the hub was taken back: ${why}`;
}
