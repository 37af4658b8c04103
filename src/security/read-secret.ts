import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { GatewayError } from "../domain/errors.ts";

export interface SecretSources {
  /** Relative `file:` paths start here. */
  readonly siteDir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * The secret that `env:NAME` or `file:PATH` stands for; a line end after it is not part of it. Rejects with
 * CONFIG_INVALID, which names the place and never the secret.
 */
export async function readSecret(reference: string, sources: SecretSources): Promise<string> {
  const [, kind, place] = /^(env|file):(.+)$/.exec(reference) ?? [];
  if (place === undefined) {
    // The text may well be the secret itself: it is not repeated.
    throw new GatewayError("CONFIG_INVALID", "A secret is given as env:NAME or file:PATH.");
  }
  const secret =
    kind === "env" ? sources.environment[place] : await readSecretFile(resolve(sources.siteDir, place));
  if (secret === undefined || secret === "") {
    throw new GatewayError("CONFIG_INVALID", `The secret ${reference} is empty or missing.`);
  }
  return secret;
}

async function readSecretFile(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", `The secret file ${path} can't be read.`, { cause });
  }
}
