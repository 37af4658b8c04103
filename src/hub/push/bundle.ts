import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { GatewayError } from "../../domain/errors.ts";
import type { FolderPart, PushOrder } from "../../services/push-down/order.ts";
import { mostFiles } from "../../services/push-down/order.ts";
import { allowedPaths, partOf } from "../../services/push-down/pushed-path.ts";

/** One file that is to be put, read. */
export interface BundledFile {
  readonly path: string;
  readonly sha256: string;
  readonly content: Uint8Array;
}

/** What is put at once. */
export interface Bundle extends Pick<PushOrder, "name" | "replaces"> {
  readonly files: readonly BundledFile[];
}

/**
 * A site folder: its mappings, and what is below its `files/` where there is such a folder. Of these parts nothing else
 * stays at the gateway. gateway.yaml goes along only `withGateway`. Rejects with CONFIG_INVALID where there is nothing in it.
 */
export async function readFolder(dir: string, withGateway: boolean): Promise<Bundle> {
  const paths = await pathsBelow(dir, ".");
  const chosen = paths.filter((path) => withGateway || partOf(path) !== "gateway");
  const replaces = (["mappings", "files"] as const).filter((part) =>
    chosen.some((path) => partOf(path) === part),
  );
  if (chosen.length === 0 || chosen.length > mostFiles)
    throw new GatewayError(
      "CONFIG_INVALID",
      chosen.length === 0
        ? `${dir} holds nothing that can be put. What can: ${allowedPaths}.`
        : `${dir} holds ${chosen.length} files; at most ${mostFiles} can be put at once.`,
    );
  return { name: nameOf(replaces, withGateway), replaces, files: await readAll(dir, chosen) };
}

/** One file, put beside what is there. @param path where, relative to the site folder; without it below files/ or as it is named */
export async function readSingle(file: string, path: string | undefined): Promise<Bundle> {
  const named = path ?? `files/${basename(file)}`;
  if (partOf(named) === undefined)
    throw new GatewayError(
      "CONFIG_INVALID",
      `${named} is no place where the hub puts files. Those are: ${allowedPaths}.`,
    );
  return { name: named, replaces: [], files: [await read(file, named)] };
}

export async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) throw new GatewayError("CONFIG_INVALID", `There is no file or folder ${path}.`);
  return found.isDirectory();
}

function nameOf(replaces: readonly FolderPart[], withGateway: boolean): string {
  return [...replaces, ...(withGateway ? ["gateway"] : [])].join("+");
}

/** Files that the hub may put, and no folders that it never looks into, such as data/. */
async function pathsBelow(dir: string, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(dir, folder), { withFileTypes: true })) {
    const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
    if (partOf(path) !== undefined && !entry.isDirectory()) found.push(path);
    else if (entry.isDirectory() && /^(devices|profiles|files)(\/|$)/.test(path))
      found.push(...(await pathsBelow(dir, path)));
  }
  return found.sort();
}

function readAll(dir: string, paths: readonly string[]): Promise<readonly BundledFile[]> {
  return Promise.all(paths.map((path) => read(join(dir, path), path)));
}

async function read(file: string, path: string): Promise<BundledFile> {
  const content = await readFile(file);
  return { path, content, sha256: createHash("sha256").update(content).digest("hex") };
}
