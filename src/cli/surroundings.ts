import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { SiteFiles } from "../adapter-kit/site-files.ts";
import { siteFiles } from "../security/site-files.ts";
import type { Target } from "./device-target.ts";
import type { AdapterContext } from "../adapter-kit/adapter.ts";
import { GatewayError } from "../domain/errors.ts";

/** What a command has in place of a gateway's parts: no image store, no other devices, no broker of its own. */
export const withoutStore: Pick<AdapterContext, "gateway" | "images" | "watch" | "broker"> = {
  gateway: undefined,
  images: {
    put: () =>
      Promise.reject(new GatewayError("UPLINK_UNAVAILABLE", "Images are kept by a running gateway only.")),
  },
  watch: () => () => undefined,
  broker: {
    subscribe: () => () => undefined,
    publish: () => undefined,
    onClient: () => () => undefined,
  },
};

/** What a mapping names beside itself, and where a command keeps certificates: with the site, else in the home folder. */
export function filesFor({ dir, gateway }: Pick<Target, "dir" | "gateway">): SiteFiles {
  const store =
    gateway === undefined ? join(homedir(), ".linegate") : resolve(dir, gateway.nats.embedded.store);
  return siteFiles({ siteDir: dir, environment: process.env, folder: join(store, "adapters") });
}
