import { readFile } from "node:fs/promises";
import { GatewayError } from "../domain/errors.ts";

/** The PEM file of `--ca`. Rejects with CONFIG_INVALID where it can't be read. */
export async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError("CONFIG_INVALID", `--ca: ${file} can't be read: ${why}.`, { cause });
  }
}
