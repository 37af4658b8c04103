import { resolve } from "node:path";
import type { HubConfig } from "../config/gateway-schema.ts";
import { leafUrls } from "../domain/leaf-urls.ts";
import type { ServerFeatures } from "./version.ts";

/**
 * What the hub may not send here: all that a gateway itself makes (design §3). Whoever writes to the hub could else put
 * readings and alerts into the line's own streams, or write in the name of a service outside. What the site's services answer comes through.
 */
const denied = ["data.>", "alert.>", "line.>", "event.>", "audit.>", "batch.>", "state.>", "bridge.>"];
/** What nobody at the hub listens to live, where denials work both ways (version.ts): the rest is left to the rights at the hub. */
const deniedBothWays = ["batch.>", "bridge.>"];
/** Comes through where gateway.yaml accepts it. */
const commands = "cmd.>";

/** The hub as the embedded server is told of it. */
export interface HubRemote {
  /** With user and password where there are any. */
  readonly urls: readonly string[];
  /** Absolute paths. */
  readonly credentials?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** Whether the hub may write to devices. */
  readonly commands: boolean;
  /** Of the site's own programs: nobody at the hub may speak there. */
  readonly own: readonly string[];
}

/** `password` is the secret itself, already looked up. */
export function hubRemote(
  config: Omit<HubConfig, "trial" | "maxBytes" | "live">,
  password: string | undefined,
  siteDir: string,
  own: readonly string[] = [],
): HubRemote {
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(siteDir, path));
  const { user, credentials, ca, cert, key, accept } = config;
  const urls = (leafUrls(config.leaf ?? "") ?? []).map(({ protocol, host }) => {
    const who =
      user === undefined ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? "")}@`;
    return `${protocol}//${who}${host}`;
  });
  return {
    urls,
    credentials: absolute(credentials),
    ca: absolute(ca),
    cert: absolute(cert),
    key: absolute(key),
    commands: accept.includes("commands"),
    own,
  };
}

/** The part of nats-server's configuration that makes it a leaf of the hub. */
export function leafSection(
  { urls, credentials, ca, cert, key, commands: mayCommand, own }: HubRemote,
  { denyImports }: Pick<ServerFeatures, "denyImports">,
): object {
  const tls = {
    ...(ca === undefined ? {} : { ca_file: ca }),
    ...(cert === undefined || key === undefined ? {} : { cert_file: cert, key_file: key }),
  };
  const remote = {
    urls,
    ...(credentials === undefined ? {} : { credentials }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
    deny_imports: [
      ...(denyImports ? [...denied, ...own] : deniedBothWays),
      ...(mayCommand ? [] : [commands]),
    ],
  };
  return { remotes: [remote] };
}
