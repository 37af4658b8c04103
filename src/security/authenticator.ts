import { createHmac, randomBytes } from "node:crypto";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { UserConfig } from "../config/gateway-schema.ts";
import { BcryptHashes } from "./bcrypt-hashes.ts";
import { FailedLogins } from "./failed-logins.ts";
import { isLoopback } from "../adapter-kit/loopback.ts";
import { everything, Rights } from "./rights.ts";

/** The user that stands for clients without a password. */
const anonymous = "anonymous";
/** Successful logins remembered, so that a client that reconnects every second costs no bcrypt each time. */
const mostRemembered = 256;

/** Who somebody is and what that user may do, or why the login is refused. */
export type Login =
  | { readonly ok: true; readonly user: string; readonly rights: Rights }
  | { readonly ok: false; readonly reason: "credentials" | "tooManyFailures" | "busy" };

export interface AuthenticatorDeps {
  readonly log: Log;
  readonly clock: Clock;
}

/** Who may come in: the users of `gateway.yaml`, for MQTT and HTTP alike. */
export class Authenticator {
  readonly #deps: AuthenticatorDeps;
  readonly #rights = new Map<string, Rights>();
  readonly #hashes: BcryptHashes;
  readonly #failed = new FailedLogins();
  /** Keyed by an HMAC under a key of this process alone: what is remembered is no use to anyone who reads it. */
  readonly #remembered = new Set<string>();
  readonly #key = randomBytes(32);
  readonly #open: boolean;

  constructor(users: Readonly<Record<string, UserConfig>>, deps: AuthenticatorDeps) {
    this.#deps = deps;
    this.#open = Object.keys(users).length === 0;
    if (this.#open) this.#rights.set(anonymous, new Rights(everything));
    for (const [name, user] of Object.entries(users)) this.#rights.set(name, new Rights(user));
    this.#hashes = new BcryptHashes(users);
  }

  /** True where no users are configured, so that anybody who reaches a listener may do everything. */
  get open(): boolean {
    return this.#open;
  }

  /** Checks a user's password. `address` is the peer's, for counting failures. Never rejects for a wrong one. */
  async login(
    user: string | undefined,
    password: Buffer | string | undefined,
    address: string,
  ): Promise<Login> {
    // Without users there is nothing to check a name against; many clients send one all the same.
    if (this.#open || user === undefined) return this.#anonymously(address);
    const secret = Buffer.from(password ?? "");
    const remembered = this.#fingerprint(user, secret);
    if (this.#remembered.has(remembered)) return this.#accepted(user);
    const at = this.#deps.clock.monotonic();
    if (this.#failed.isBarred(address, at)) return { ok: false, reason: "tooManyFailures" };
    const compared = await this.#hashes.compare(user, secret);
    if (compared === "match") {
      this.#remember(remembered);
      return this.#accepted(user);
    }
    return compared === "busy" ? { ok: false, reason: "busy" } : this.#refused(user, address);
  }

  /** Whether this caller may look at health and metrics: whoever can log in and may read something. */
  async mayLook(user: string | undefined, password: string | undefined, address: string): Promise<boolean> {
    if (this.#open) return isLoopback(address);
    const login = await this.login(user, password, address);
    return login.ok && login.rights.readsSomething;
  }

  #anonymously(address: string): Login {
    return this.#rights.has(anonymous) ? this.#accepted(anonymous) : this.#refused(anonymous, address);
  }

  #accepted(user: string): Login {
    const rights = this.#rights.get(user);
    if (rights === undefined) return { ok: false, reason: "credentials" };
    return { ok: true, user, rights };
  }

  #refused(user: string, address: string): Login {
    if (this.#failed.add(address, this.#deps.clock.monotonic())) {
      this.#deps.log.warn(
        { user, address },
        "a login was refused: wrong user or password. More from this address within a minute are only counted",
      );
    }
    return { ok: false, reason: "credentials" };
  }

  #fingerprint(user: string, password: Buffer): string {
    return createHmac("sha256", this.#key).update(user).update("\0").update(password).digest("base64");
  }

  #remember(fingerprint: string): void {
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.add(fingerprint);
  }
}
