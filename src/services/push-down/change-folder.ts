import { join } from "node:path";
import { GatewayError } from "../../domain/errors.ts";
import { hashOf, type Blobs } from "./blobs.ts";
import { putCopy, takeAway, type Disk } from "./disk.ts";
import type { FileChange, FolderChange, Journal, OrderOutcome } from "./journal.ts";

/** Where a folder is changed, and what is remembered of it. */
export interface ChangedFolder {
  /** The site folder, absolute. */
  readonly dir: string;
  readonly disk: Disk;
  readonly journal: Journal;
  readonly blobs: Blobs;
}

/** Changes the folder: the change is in the journal before the first file is touched. Every blob is there. */
export async function applyChange(
  folder: ChangedFolder,
  change: Omit<FolderChange, "state">,
  outcome: OrderOutcome,
): Promise<void> {
  // Together: whoever is killed on the way finds the order dealt with, and the change to be brought to its end.
  await folder.journal.setChange({ ...change, state: "applying" }, outcome);
  await finishApplying(folder, { ...change, state: "applying" });
}

async function finishApplying(folder: ChangedFolder, change: FolderChange): Promise<void> {
  for (const { path, after } of change.changes) await bring(folder, path, after);
  await folder.journal.setChange({ ...change, state: "trial" });
}

/** Brings every file of the change back to what it was. */
export async function undoChange(
  folder: ChangedFolder,
  change: FolderChange,
  why: string,
  now: number,
): Promise<OrderOutcome> {
  const undoing: FolderChange = { ...change, state: "undoing", why };
  await folder.journal.setChange(undoing);
  return finishUndoing(folder, undoing, why, now);
}

async function finishUndoing(
  folder: ChangedFolder,
  change: FolderChange,
  why: string,
  now: number,
): Promise<OrderOutcome> {
  for (const { path, before } of change.changes) await bring(folder, path, before);
  const outcome: OrderOutcome = {
    ...change.order,
    outcome: "rolled back",
    at: now,
    message: why,
    unaudited: true,
  };
  await folder.journal.setChange({ ...change, state: "undone" }, outcome);
  return outcome;
}

/** What a kill left half done is brought to its end. Resolves with the change as it then stands. */
export async function finishChange(folder: ChangedFolder, now: number): Promise<FolderChange | undefined> {
  const { change } = folder.journal;
  if (change?.state === "applying") await finishApplying(folder, change);
  if (change?.state === "undoing") await finishUndoing(folder, change, change.why ?? "", now);
  return folder.journal.change;
}

/** Files that are as they are to be already need not be written: flash wears out. */
async function bring(
  { dir, disk, blobs }: ChangedFolder,
  path: string,
  sha256: string | null,
): Promise<void> {
  const file = join(dir, path);
  if (sha256 === null) return takeAway(disk, file);
  if ((await hashOf(file)) === sha256) return undefined;
  if (!(await blobs.has(sha256)))
    throw new GatewayError(
      "INTERNAL",
      `What ${path} is to hold is not in .push/blobs any more. Check the disk.`,
    );
  return putCopy(disk, blobs.path(sha256), file);
}

/** Whose contents a change may still need, either way. */
export function neededBlobs(changes: readonly FileChange[]): ReadonlySet<string> {
  return new Set(changes.flatMap(({ before, after }) => [before, after]).filter((one) => one !== null));
}
