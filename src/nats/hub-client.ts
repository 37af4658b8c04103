import type { HubConfig } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import { clientUrls } from "../domain/leaf-urls.ts";
import type { LinkTarget } from "./dial.ts";
import { externalTarget } from "./external-target.ts";

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
  const [first, ...more] = await Promise.all(
    (clientUrls(config.url ?? "") ?? []).map(async (url): Promise<LinkTarget> => ({
      ...(await externalTarget(url.href, config, password, siteDir)),
      inboxPrefix,
    })),
  );
  if (first === undefined) throw new GatewayError("CONFIG_INVALID", "hub.url is not an address");
  return [first, ...more];
}
