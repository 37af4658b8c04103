import { resolve } from "node:path";
import type { HubConfig } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import { clientUrls } from "../domain/leaf-urls.ts";
import type { LinkTarget } from "./dial.ts";
import { externalTarget } from "./external-target.ts";
import { readPem } from "./own-access.ts";

/**
 * Every server of the hub, as the forwarder dials it. `password` is the secret itself, already looked up. Rejects with
 * CONFIG_INVALID.
 */
export async function hubClientTargets(
  config: HubConfig,
  password: string | undefined,
  siteDir: string,
  inboxPrefix: string,
): Promise<readonly [LinkTarget, ...LinkTarget[]]> {
  const pem = async (path: string | undefined) =>
    path === undefined ? undefined : await readPem(resolve(siteDir, path));
  const [cert, key] = await Promise.all([pem(config.cert), pem(config.key)]);
  const [first, ...more] = await Promise.all(
    (clientUrls(config.url ?? "") ?? []).map(async (url): Promise<LinkTarget> => {
      const target = await externalTarget(url.href, config, password, siteDir);
      const own = cert === undefined || key === undefined ? undefined : { cert, key };
      return { ...target, inboxPrefix, ...(own === undefined ? {} : { tls: { ...target.tls, ...own } }) };
    }),
  );
  if (first === undefined) throw new GatewayError("CONFIG_INVALID", "hub.url is not an address");
  return [first, ...more];
}
