import { createHash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Whom the simulated camera lets in. */
export type Gate =
  | { readonly scheme: "basic"; readonly user: string; readonly password: string }
  | { readonly scheme: "bearer"; readonly token: string }
  | {
      readonly scheme: "digest";
      readonly user: string;
      readonly password: string;
      readonly algorithm: "MD5" | "SHA-256";
      /** A nonce is good for so many requests, then it is stale. */
      readonly nonceUses?: number;
    };

const realm = "Simulated Camera, digest";

/** Checks `Authorization` as a camera does; written from RFC 7616 apart from the adapter's own half. */
export class GateKeeper {
  readonly #gate: Gate;
  #nonce = randomBytes(16).toString("hex");
  #lastCount = 0;

  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /** Undefined where the request may pass, else the challenge. */
  check({ headers, method = "GET", url = "/" }: IncomingMessage): string | undefined {
    const shown = headers.authorization ?? "";
    const gate = this.#gate;
    switch (gate.scheme) {
      case "bearer":
        return shown === `Bearer ${gate.token}` ? undefined : 'Bearer realm="camera"';
      case "basic": {
        const pair = Buffer.from(`${gate.user}:${gate.password}`).toString("base64");
        return shown === `Basic ${pair}` ? undefined : 'Basic realm="camera"';
      }
      case "digest":
        return this.#checkDigest(gate, shown, method, url);
    }
  }

  #checkDigest(
    gate: Extract<Gate, { scheme: "digest" }>,
    shown: string,
    method: string,
    url: string,
  ): string | undefined {
    const given = Object.fromEntries(
      [...shown.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(([, key, quoted, bare]) => [
        key,
        quoted ?? bare,
      ]),
    );
    const { nonce, nc = "", cnonce, uri, username } = given;
    const count = Number.parseInt(nc, 16);
    const stale = nonce !== this.#nonce || count > (gate.nonceUses ?? Number.POSITIVE_INFINITY);
    const hash = (text: string) =>
      createHash(gate.algorithm === "MD5" ? "md5" : "sha256")
        .update(text)
        .digest("hex");
    const secret = hash(`${gate.user}:${realm}:${gate.password}`);
    const expected = hash(`${secret}:${nonce}:${nc}:${cnonce}:auth:${hash(`${method}:${uri}`)}`);
    const right = expected === given["response"] && username === gate.user && uri === url;
    if (right && !stale && count > this.#lastCount) {
      this.#lastCount = count;
      return undefined;
    }
    this.#nonce = randomBytes(16).toString("hex");
    this.#lastCount = 0;
    const fresh = `nonce="${this.#nonce}", qop="auth,auth-int", algorithm=${gate.algorithm}`;
    return `Digest realm="${realm}", ${fresh}, opaque="5ccc069c"${right && stale ? ", stale=true" : ""}`;
  }
}
