import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { GatewayError } from "../domain/errors.ts";

/** Where Debian and a release archive put it: not on the PATH of every user. */
const usualFolders = ["/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/bin"];

const howToGetIt =
  "Install it (Debian: apt-get install nats-server), or take a release from https://github.com/nats-io/nats-server/releases " +
  "and name its path as nats.embedded.server in gateway.yaml";

/**
 * The path of the nats-server to run: the configured one, else the first on `searchPath` (as PATH is written) and in the
 * usual folders. Rejects with CONFIG_INVALID, which says how to get one.
 */
export async function findServer(configured: string | undefined, searchPath: string): Promise<string> {
  if (configured !== undefined) {
    if (await isProgram(configured)) return configured;
    throw new GatewayError(
      "CONFIG_INVALID",
      `nats.embedded.server names ${configured}, which is not a program that can be run. ${howToGetIt}`,
    );
  }
  for (const folder of [...searchPath.split(delimiter), ...usualFolders]) {
    if (folder === "") continue;
    const candidate = join(folder, "nats-server");
    // In order, not at once: the first one wins.
    if (await isProgram(candidate)) return candidate;
  }
  throw new GatewayError("CONFIG_INVALID", `No nats-server was found on this machine. ${howToGetIt}`);
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
