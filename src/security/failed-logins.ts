/** Failures after which an address is turned away unheard … */
const mostFailures = 10;
/** … until this long after its first one, in ms. */
const windowMs = 60_000;
/** Addresses remembered; the oldest is forgotten first, so that a flood from many can't grow the gateway. */
const mostAddresses = 1_024;

/** Failed logins by address: guessing passwords is slow, and told once. */
export class FailedLogins {
  readonly #byAddress = new Map<string, { since: number; count: number }>();

  /** True where the address failed too often lately. `at` is monotonic ms. */
  isBarred(address: string, at: number): boolean {
    const failures = this.#byAddress.get(address);
    if (failures === undefined) return false;
    if (at - failures.since < windowMs) return failures.count >= mostFailures;
    this.#byAddress.delete(address);
    return false;
  }

  /** Counts a failure; true for the first of its window, which is the one worth a line in the log. */
  add(address: string, at: number): boolean {
    const failures = this.#byAddress.get(address);
    if (failures !== undefined && at - failures.since < windowMs) {
      failures.count += 1;
      return false;
    }
    this.#byAddress.delete(address);
    this.#byAddress.set(address, { since: at, count: 1 });
    if (this.#byAddress.size > mostAddresses) {
      const oldest = this.#byAddress.keys().next();
      if (oldest.done !== true) this.#byAddress.delete(oldest.value);
    }
    return true;
  }
}
