import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { checkServerIdentity, type ConnectionOptions as TlsConnectionOptions } from "node:tls";
import { credsAuthenticator, usernamePasswordAuthenticator, type TlsOptions } from "@nats-io/transport-node";
import type { NatsConfig } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import type { LinkTarget } from "./dial.ts";
import { readPem } from "./own-access.ts";

/**
 * How to reach the nats-server that somebody else runs. `password` is the secret itself, already looked up.
 * Rejects with CONFIG_INVALID where the configuration can't be meant.
 */
export async function externalTarget(
  url: string,
  config: Pick<NatsConfig, "user" | "credentials" | "ca">,
  password: string | undefined,
  siteDir: string,
): Promise<LinkTarget> {
  const address = checkedUrl(url);
  const ca = config.ca === undefined ? undefined : await readPem(resolve(siteDir, config.ca));
  const target = {
    url: address.href,
    // Asked for by `tls://` or by an authority: then a server without TLS is refused, not talked to in the clear.
    ...(ca !== undefined || address.protocol === "tls:" ? { tls: tlsOptions(address.hostname, ca) } : {}),
  };
  if (config.credentials !== undefined) {
    const credentials = await readCredentials(resolve(siteDir, config.credentials));
    return { ...target, authenticator: credsAuthenticator(credentials) };
  }
  if (config.user === undefined) return target;
  return { ...target, authenticator: usernamePasswordAuthenticator(config.user, password ?? "") };
}

/** The client checks a server that is named by its IP address against `localhost` (transport-node 3.4): done here. */
function tlsOptions(hostname: string, ca: string | undefined): TlsOptions {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const options: TlsOptions & TlsConnectionOptions = {
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
    ...(ca === undefined ? {} : { ca }),
  };
  return options;
}

function checkedUrl(url: string): URL {
  const text = url.includes("://") ? url : `nats://${url}`;
  if (!URL.canParse(text)) {
    throw new GatewayError("CONFIG_INVALID", `nats.url is not an address: expected nats://HOST:PORT`);
  }
  const parsed = new URL(text);
  if (parsed.protocol !== "nats:" && parsed.protocol !== "tls:") {
    throw new GatewayError(
      "CONFIG_INVALID",
      `nats.url starts with ${parsed.protocol}//: expected nats:// or tls://`,
    );
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new GatewayError(
      "CONFIG_INVALID",
      "nats.url carries a user or a password: write them as nats.user and nats.password",
    );
  }
  return parsed;
}

async function readCredentials(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (caught) {
    throw new GatewayError("CONFIG_INVALID", `The file of nats.credentials can't be read: ${path}`, {
      cause: caught,
    });
  }
}
