/** A connection that several devices may share: a serial line, a TCP bridge. Its constructor does no I/O. */
export interface Bus {
  /** Idempotent; leaves no timer and no socket. */
  close(): Promise<void>;
}

/** One device's share in a bus. */
export interface BusLease<B extends Bus> {
  readonly bus: B;
  /** Idempotent. The last device to let go closes the bus. */
  release(): Promise<void>;
}

interface Shared {
  readonly bus: Bus;
  users: number;
}

/** All buses of a gateway by key: made once, counted, closed with their last user. */
export class BusRegistry {
  readonly #shared = new Map<string, Shared>();

  lease<B extends Bus>(key: string, create: () => B): BusLease<B> {
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = { bus: create(), users: 0 };
      this.#shared.set(key, shared);
    }
    const held = shared;
    held.users += 1;
    let released = false;
    return {
      // One key names one kind of bus: the key's prefix is the adapter's own.
      bus: held.bus as B,
      release: async () => {
        if (released) return;
        released = true;
        held.users -= 1;
        if (held.users > 0) return;
        if (this.#shared.get(key) === held) this.#shared.delete(key);
        await held.bus.close();
      },
    };
  }
}
