import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder above with a package.json: modules stand at different depths in the sources and in the bundle (ADR-37). */
function installationAbove(folder: string): string {
  return existsSync(join(folder, "package.json")) || folder === dirname(folder)
    ? folder
    : installationAbove(dirname(folder));
}

/** Where Linegate is installed: package.json, mappings and node_modules stand there. */
export const installation: string = installationAbove(import.meta.dirname);
