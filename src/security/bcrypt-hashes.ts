import type { UserConfig } from "../config/gateway-schema.ts";

/** At most this many hashes at once: each holds a thread of Node's pool of four, which files and name look-ups need too. */
const mostAtOnce = 2;
/** Logins that wait beyond this are turned away: a flood must not become a queue. */
const mostWaiting = 64;

/** What comparing with a hash came to. */
export type Comparison = "match" | "mismatch" | "busy";

/** The bcrypt hashes of the configured users; the native module is loaded with the first login that needs it. */
export class BcryptHashes {
  readonly #hashes: ReadonlyMap<string, string>;
  readonly #dummy: string;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(users: Readonly<Record<string, UserConfig>>) {
    const hashes = new Map<string, string>();
    for (const [name, { passwordHash }] of Object.entries(users)) {
      // `$2y$` is PHP's name for what everybody else calls `$2b$`; the module knows the latter alone.
      if (passwordHash !== undefined) hashes.set(name, passwordHash.replace(/^\$2y\$/, "$2b$"));
    }
    this.#hashes = hashes;
    const costs = [...hashes.values()].map((hash) => hash.slice(4, 6));
    this.#dummy = `$2b$${costs.sort().at(-1) ?? "10"}$${".".repeat(53)}`;
  }

  /** Takes as long for a user who does not exist as for one who does. */
  async compare(user: string, password: Buffer): Promise<Comparison> {
    if (this.#hashes.size === 0) return "mismatch";
    if (this.#running >= mostAtOnce) {
      if (this.#waiting.length >= mostWaiting) return "busy";
      const turn = Promise.withResolvers<void>();
      this.#waiting.push(turn.resolve);
      await turn.promise;
    } else this.#running += 1;
    try {
      const { default: bcrypt } = await import("bcrypt");
      const hash = this.#hashes.get(user);
      const same = await bcrypt.compare(password, hash ?? this.#dummy);
      return same && hash !== undefined ? "match" : "mismatch";
    } finally {
      // The place is handed to the next in line, or given up.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
