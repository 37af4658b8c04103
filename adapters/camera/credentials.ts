import { randomBytes } from "node:crypto";
import type { SiteFiles } from "../../src/adapter-kit/index.ts";
import { DigestAuth } from "./digest.ts";
import type { CameraAuth, CameraTls } from "./mapping.ts";

/** How requests to one camera are signed. */
export interface Credentials {
  /** The header `Authorization`; undefined where there is none (yet). */
  authorization(method: string, uri: string): string | undefined;
  /** Takes the challenge of a 401 to a request that said who asks, or did not; true where another try makes sense. */
  accept(challenge: string | undefined, authorised: boolean): boolean;
}

const nobody: Credentials = { authorization: () => undefined, accept: () => false };

/** Looks the secrets up; rejects with CONFIG_INVALID where one is missing. */
export async function readCredentials(auth: CameraAuth | undefined, files: SiteFiles): Promise<Credentials> {
  if (auth === undefined) return nobody;
  switch (auth.scheme) {
    case "bearer":
      return fixed(`Bearer ${await files.secret(auth.token)}`);
    case "basic": {
      const pair = `${auth.user}:${await files.secret(auth.password)}`;
      return fixed(`Basic ${Buffer.from(pair).toString("base64")}`);
    }
    case "digest":
      return new DigestAuth({
        user: auth.user,
        password: await files.secret(auth.password),
        cnonce: () => randomBytes(12).toString("hex"),
      });
  }
}

function fixed(header: string): Credentials {
  return { authorization: () => header, accept: () => false };
}

/** What Node's TLS is told. */
export interface TlsOptions {
  readonly ca?: string;
  readonly rejectUnauthorized?: false;
}

export async function readTls(tls: CameraTls | undefined, files: SiteFiles): Promise<TlsOptions> {
  return {
    ...(tls?.ca === undefined ? {} : { ca: await files.text(tls.ca) }),
    ...(tls?.insecure === true ? { rejectUnauthorized: false } : {}),
  };
}
