import { createHash } from "node:crypto";

/** What a camera asks for in `WWW-Authenticate: Digest …`. */
interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque?: string | undefined;
  readonly algorithm: string;
  /** Absent: the old form of RFC 2069. */
  readonly qop?: "auth" | undefined;
  readonly stale: boolean;
}

export interface DigestAccount {
  readonly user: string;
  readonly password: string;
  /** A new client nonce. */
  readonly cnonce: () => string;
}

/** Hashes by algorithm, the stronger first. RFC 7616 §3.3; -sess hashes the nonces into the password's hash. */
const hashes: Readonly<Record<string, string>> = { "SHA-256": "sha256", MD5: "md5" };

/** HTTP digest access authentication (RFC 7616) towards one camera: keeps its nonce and counts its uses. */
export class DigestAuth {
  readonly #account: DigestAccount;
  #challenge: Challenge | undefined;
  #uses = 0;

  constructor(account: DigestAccount) {
    this.#account = account;
  }

  /** The header `Authorization` for a request; undefined before the camera has said what it wants. */
  authorization(method: string, uri: string): string | undefined {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const { realm, nonce, opaque, algorithm, qop } = challenge;
    const { user, password } = this.#account;
    this.#uses += 1;
    const nc = this.#uses.toString(16).padStart(8, "0");
    const cnonce = this.#account.cnonce();
    const hash = hasher(algorithm);
    const secret = hash(`${user}:${realm}:${password}`);
    const a1 = /-sess$/i.test(algorithm) ? hash(`${secret}:${nonce}:${cnonce}`) : secret;
    const a2 = hash(`${method}:${uri}`);
    const response = hash(
      qop === undefined ? `${a1}:${nonce}:${a2}` : `${a1}:${nonce}:${nc}:${cnonce}:${qop}:${a2}`,
    );
    const parts = [
      `username=${quoted(user)}`,
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `uri=${quoted(uri)}`,
      `algorithm=${algorithm}`,
      `response="${response}"`,
    ];
    if (qop !== undefined) parts.push(`qop=${qop}`, `nc=${nc}`, `cnonce="${cnonce}"`);
    if (opaque !== undefined) parts.push(`opaque=${quoted(opaque)}`);
    return `Digest ${parts.join(", ")}`;
  }

  /**
   * Takes the challenge of a 401. True where another try makes sense: the request went out without a password, or its nonce
   * is merely too old. False where the password was refused; nothing is tried again then, lest the account be locked.
   */
  accept(header: string | undefined, authorised: boolean): boolean {
    const offered = challengesOf(header ?? "");
    const best = Object.keys(hashes).flatMap((name) =>
      offered.filter(({ algorithm }) => algorithm.replace(/-sess$/i, "").toUpperCase() === name),
    )[0];
    if (best === undefined) return false;
    this.#challenge = best;
    this.#uses = 0;
    return !authorised || best.stale;
  }
}

/** The digest challenges of a header that may hold challenges of several schemes. RFC 9110 §11.6.1 */
function challengesOf(header: string): Challenge[] {
  const found: { readonly scheme: string; readonly values: Map<string, string> }[] = [];
  const tokens =
    /(?:^|,)\s*([A-Za-z][\w-]*)\s+(?=[A-Za-z])|([A-Za-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/g;
  for (const [, scheme, name, inQuotes, bare] of header.matchAll(tokens)) {
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), values: new Map() });
    else
      found
        .at(-1)
        ?.values.set((name ?? "").toLowerCase(), inQuotes?.replaceAll(/\\(.)/g, "$1") ?? bare ?? "");
  }
  return found.flatMap(({ scheme, values }) => {
    const realm = values.get("realm");
    const nonce = values.get("nonce");
    if (scheme !== "digest" || realm === undefined || nonce === undefined) return [];
    const qops = values
      .get("qop")
      ?.split(",")
      .map((one) => one.trim().toLowerCase());
    if (qops !== undefined && !qops.includes("auth")) return [];
    return [
      {
        realm,
        nonce,
        opaque: values.get("opaque"),
        algorithm: values.get("algorithm") ?? "MD5",
        qop: qops === undefined ? undefined : "auth",
        stale: values.get("stale")?.toLowerCase() === "true",
      },
    ];
  });
}

function hasher(algorithm: string): (text: string) => string {
  const name = hashes[algorithm.replace(/-sess$/i, "").toUpperCase()] ?? "md5";
  return (text) => createHash(name).update(text).digest("hex");
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
