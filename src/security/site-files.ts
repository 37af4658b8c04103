import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { SiteFiles } from "../adapter-kit/site-files.ts";
import { GatewayError } from "../domain/errors.ts";
import { readSecret, type SecretSources } from "./read-secret.ts";

/** The secrets and files of a site as they lie on disk and in the environment. */
export function siteFiles({ folder, ...sources }: SecretSources & Pick<SiteFiles, "folder">): SiteFiles {
  return {
    folder,
    secret: (reference) => readSecret(reference, sources),
    text: async (path) => {
      const file = resolve(sources.siteDir, path);
      try {
        return await readFile(file, "utf8");
      } catch (cause) {
        throw new GatewayError("CONFIG_INVALID", `The file ${file} that a mapping names can't be read.`, {
          cause,
        });
      }
    },
  };
}
