import { mkdir, readdir, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pushFolder, type FileChange } from "./journal.ts";

/**
 * The folder as it would be after a change, beside it, made of links: so that it can be checked whole while not a byte of
 * the real one is touched. Resolves with its path; what was there is thrown away.
 */
export async function makeShadow(
  dir: string,
  changes: readonly FileChange[],
  contentOf: (sha256: string) => string,
): Promise<string> {
  const shadow = join(dir, pushFolder, "check");
  await rm(shadow, { recursive: true, force: true });
  await mkdir(shadow, { recursive: true });
  const touched = new Set(changes.flatMap(({ path }) => above(path)));
  await link(dir, shadow, ".", touched, new Set(changes.map(({ path }) => path)));
  for (const { path, after } of changes) {
    if (after === null) continue;
    await mkdir(dirname(join(shadow, path)), { recursive: true });
    await symlink(contentOf(after), join(shadow, path));
  }
  return shadow;
}

/** Folders in which nothing changes are linked as a whole. */
async function link(
  dir: string,
  shadow: string,
  folder: string,
  touched: ReadonlySet<string>,
  changed: ReadonlySet<string>,
): Promise<void> {
  for (const name of await readdir(join(dir, folder))) {
    const path = folder === "." ? name : `${folder}/${name}`;
    if (changed.has(path) || name === pushFolder) continue;
    if (touched.has(path) && (await stat(join(dir, path))).isDirectory()) {
      await mkdir(join(shadow, path));
      await link(dir, shadow, path, touched, changed);
    } else await symlink(join(dir, path), join(shadow, path));
  }
}

/** `a` and `a/b` of `a/b/c.yaml`. */
function above(path: string): readonly string[] {
  const levels = path.split("/").slice(0, -1);
  return levels.map((_, index) => levels.slice(0, index + 1).join("/"));
}
