import { X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls";
import { nkeyAuthenticator, nkeys, type Authenticator, type TlsOptions } from "@nats-io/transport-node";
import type { ListenAddress } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import type { ServerTls } from "./server-config.ts";

/** RFC 5280 §4.2.1.12: id-kp-clientAuth. */
const clientAuth = "1.3.6.1.5.5.7.3.2";

/** The key pair that the gateway makes for itself at each start: no secret of it ever stands in a file. */
export interface OwnKey {
  readonly publicKey: string;
  readonly authenticator: Authenticator;
}

export function createOwnKey(): OwnKey {
  const pair = nkeys.createUser();
  return { publicKey: pair.getPublicKey(), authenticator: nkeyAuthenticator(pair.getSeed()) };
}

/** Where the gateway itself reaches a server that listens there: a wildcard address is no address to connect to. */
export function ownUrl(listen: ListenAddress, port: number): string {
  const host = { "0.0.0.0": "127.0.0.1", "::": "::1" }[listen.host] ?? listen.host;
  return `nats://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * How the gateway itself takes part in its own server's TLS: it trusts exactly the configured certificate, whatever
 * names stand in it, and shows the same one where clients must show theirs.
 */
export async function ownTls(tls: ServerTls): Promise<TlsOptions> {
  const [cert, key] = await Promise.all([readPem(tls.cert), readPem(tls.key)]);
  const options: TlsOptions & TlsConnectionOptions = {
    ca: firstCertificate(cert, tls.cert),
    allowPartialTrustChain: true,
    checkServerIdentity: () => undefined,
    ...(tls.ca === undefined ? {} : { cert, key }),
  };
  if (tls.ca !== undefined) requireClientUse(cert, tls.cert);
  return options;
}

/**
 * The authorities that nats-server takes clients from: the configured ones, and the server's own certificate by itself,
 * so that the gateway's own connection is taken whoever issued it.
 */
async function clientAuthorities(tls: ServerTls, ca: string): Promise<string> {
  const [cert, authorities] = await Promise.all([readPem(tls.cert), readPem(ca)]);
  return `${authorities.trimEnd()}\n${firstCertificate(cert, tls.cert)}\n`;
}

/** Without the chain behind it: what that issued besides is not meant. */
function firstCertificate(pem: string, path: string): string {
  const match = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(pem);
  if (match !== null) return match[0];
  throw new GatewayError("CONFIG_INVALID", `There is no PEM certificate in ${path}`);
}

function requireClientUse(cert: string, path: string): void {
  const uses: readonly string[] | undefined = new X509Certificate(cert).keyUsage;
  if (uses === undefined || uses.includes(clientAuth)) return;
  throw new GatewayError(
    "CONFIG_INVALID",
    `The certificate ${path} is for servers only. With nats.embedded.tls.ca the gateway shows it as a client too: ` +
      "issue it with the extended key usages serverAuth and clientAuth",
  );
}

/** A PEM file that the configuration names. */
export async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (caught) {
    throw new GatewayError("CONFIG_INVALID", `The PEM file can't be read: ${path}`, {
      cause: caught,
    });
  }
}

/** The paths of `gateway.yaml` start at the site folder. */
export function absolutePaths(tls: ServerTls, siteDir: string): ServerTls {
  return {
    cert: resolve(siteDir, tls.cert),
    key: resolve(siteDir, tls.key),
    ca: tls.ca === undefined ? undefined : resolve(siteDir, tls.ca),
  };
}

/** Where clients must show certificates, the gateway's own is taken as well. */
export async function withOwnAuthority(tls: ServerTls, store: string): Promise<ServerTls> {
  if (tls.ca === undefined) return tls;
  const path = join(store, "nats-clients-ca.pem");
  await writeFile(path, await clientAuthorities(tls, tls.ca), { mode: 0o600 });
  return { ...tls, ca: path };
}
