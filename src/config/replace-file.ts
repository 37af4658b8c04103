import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { GatewayError } from "../domain/errors.ts";

/**
 * Puts a text in the place of a file, whole or not at all: whoever reads it meanwhile, or after a power cut, finds the one
 * or the other. A link stays one, the mode is what it was. Rejects with CONFIG_INVALID where that can't be done.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const file = await realpath(path).catch(() => path);
  const mode = await stat(file).then(
    (found) => found.mode & 0o777,
    () => 0o644,
  );
  const beside = join(dirname(file), `.${basename(file)}.${process.pid}.new`);
  try {
    const handle = await open(beside, "w", mode);
    try {
      // What the process takes away from modes is no matter of the file's.
      await handle.chmod(mode);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file);
  } catch (cause) {
    await rm(beside, { force: true }).catch(() => undefined);
    const { code } = cause as NodeJS.ErrnoException;
    const message = `${path} can't be written${code === undefined ? "" : ` (${code})`}. It is as it was.`;
    throw new GatewayError("CONFIG_INVALID", message, { cause });
  }
}
