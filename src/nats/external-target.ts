import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { checkServerIdentity, type ConnectionOptions as TlsConnectionOptions } from "node:tls";
import { credsAuthenticator, usernamePasswordAuthenticator, type TlsOptions } from "@nats-io/transport-node";
import { GatewayError } from "../domain/errors.ts";
import type { LinkTarget } from "./dial.ts";
import { readPem } from "./own-access.ts";

/** Who one is there, and how it is known that it is the right one. Paths start at the site folder. */
export interface ServerLogin {
  readonly user?: string | undefined;
  /** A .creds file. */
  readonly credentials?: string | undefined;
  /** PEM: the server's authority. */
  readonly ca?: string | undefined;
  /** PEM, both or none: what the server is shown where it asks for a certificate. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/**
 * How to reach the nats-server that somebody else runs. `password` is the secret itself, already looked up.
 * Rejects with CONFIG_INVALID where the configuration can't be meant.
 */
export async function externalTarget(
  url: string,
  config: ServerLogin,
  password: string | undefined,
  siteDir: string,
): Promise<LinkTarget> {
  const address = checkedUrl(url);
  const pem = async (path: string | undefined) =>
    path === undefined ? undefined : await readPem(resolve(siteDir, path));
  const [ca, cert, key] = await Promise.all([pem(config.ca), pem(config.cert), pem(config.key)]);
  const own = cert === undefined || key === undefined ? undefined : { cert, key };
  // Asked for by `tls://`, an authority or a certificate: then a server without TLS is refused, not talked to in the clear.
  const isSecure = ca !== undefined || own !== undefined || address.protocol === "tls:";
  const target = {
    url: address.href,
    ...(isSecure ? { tls: { ...tlsOptions(address.hostname, ca), ...own } } : {}),
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
    throw new GatewayError(
      "CONFIG_INVALID",
      `${url} is not the address of a nats-server: expected nats://HOST:PORT`,
    );
  }
  const parsed = new URL(text);
  if (parsed.protocol !== "nats:" && parsed.protocol !== "tls:") {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${url} starts with ${parsed.protocol}//: expected nats:// or tls://`,
    );
  }
  if (parsed.username !== "" || parsed.password !== "") {
    throw new GatewayError(
      "CONFIG_INVALID",
      "The address of nats-server carries a user or a password: they have places of their own",
    );
  }
  return parsed;
}

async function readCredentials(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (caught) {
    throw new GatewayError("CONFIG_INVALID", `The credentials file can't be read: ${path}`, {
      cause: caught,
    });
  }
}
