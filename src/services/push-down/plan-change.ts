import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigIssue } from "../../config/site.ts";
import { hashOf } from "./blobs.ts";
import type { FileChange, FolderChange } from "./journal.ts";
import type { FolderPart, PushOrder } from "./order.ts";
import { allowedPaths, foldersOf, partOf } from "./pushed-path.ts";

/** What gateway.yaml lets the hub do. */
export interface PushLimits {
  readonly accept: readonly string[];
  /** Of all files of an order together. */
  readonly maxBytes: number;
}

/** What is wrong with an order before a byte of it is fetched: paths, parts that are not accepted, sizes, links. */
export async function refusalsOf(
  dir: string,
  order: PushOrder,
  limits: PushLimits,
): Promise<readonly ConfigIssue[]> {
  const issues: ConfigIssue[] = [];
  const add = (file: string, message: string, allowed: string) =>
    issues.push({ file, line: 1, column: 1, path: "", message, allowed });
  const accepted = limits.accept.length === 0 ? "nothing" : limits.accept.join(", ");
  for (const part of order.replaces)
    if (!limits.accept.includes(part))
      add("gateway.yaml", `the hub may not replace the ${part} of this gateway`, `hub.accept: ${accepted}`);
  for (const { path } of order.files) {
    const part = partOf(path);
    if (part === undefined) add(path, "the hub may not put a file there", allowedPaths);
    else if (!limits.accept.includes(part))
      add(path, `this gateway takes no ${part} from the hub`, `hub.accept: ${accepted}`);
    else if (await isBehindLink(dir, path))
      add(
        path,
        "this is, or stands behind, a link, which the hub does not follow",
        "files of the folder itself",
      );
  }
  const bytes = order.files.reduce((sum, file) => sum + file.bytes, 0);
  if (bytes > limits.maxBytes)
    add("gateway.yaml", `the order has ${bytes} bytes`, `at most ${limits.maxBytes}: hub.maxBytes`);
  return issues;
}

/** What an order changes in the folder as it stands; files that are so already are no change. */
export async function planChange(
  dir: string,
  order: PushOrder,
  last: FolderChange | undefined,
): Promise<readonly FileChange[]> {
  if (order.action === "roll back") return planBack(dir, last);
  const wanted = new Map<string, string | null>(order.files.map(({ path, sha256 }) => [path, sha256]));
  for (const part of order.replaces)
    for (const path of await filesOf(dir, part)) if (!wanted.has(path)) wanted.set(path, null);
  const changes = await Promise.all(
    [...wanted].map(async ([path, after]) => ({ path, before: await hashOf(join(dir, path)), after })),
  );
  return changes.filter(({ before, after }) => before !== after);
}

/** The folder as it was before the last change: of the files that it touched. */
async function planBack(dir: string, last: FolderChange | undefined): Promise<readonly FileChange[]> {
  if (last === undefined || last.state !== "settled") return [];
  const back = await Promise.all(
    last.changes.map(async ({ path, before }) => ({
      path,
      before: await hashOf(join(dir, path)),
      after: before,
    })),
  );
  return back.filter(({ before, after }) => before !== after);
}

/** Every file of a part that is there, by its path. */
async function filesOf(dir: string, part: FolderPart): Promise<readonly string[]> {
  const found: string[] = [];
  const look = async (folder: string): Promise<void> => {
    const entries = await readdir(join(dir, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
      if (entry.isFile() && partOf(path) === part) found.push(path);
      if (entry.isDirectory() && part === "files") await look(path);
    }
  };
  for (const folder of foldersOf[part]) await look(folder);
  return found;
}

async function isBehindLink(dir: string, path: string): Promise<boolean> {
  const levels = path.split("/");
  for (const [index] of levels.entries()) {
    const found = await lstat(join(dir, ...levels.slice(0, index + 1))).catch(() => undefined);
    if (found?.isSymbolicLink() === true) return true;
  }
  return false;
}
