/**
 * Single flight: one write and its read back at a time for each device, the others in the order they came. Else the value
 * of a later write would be read back, and steps and rates would be reckoned from a value that is just being changed.
 */
export class DeviceTurns {
  /** The end of the last work for each device, where one is under way. */
  readonly #last = new WeakMap<object, Promise<void>>();

  /** Where the signal aborts while the work waits for its turn, the work is not begun. */
  async take<T>(device: object, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(device) ?? Promise.resolve();
    const mine = before.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#last.set(
      device,
      mine.then(
        () => undefined,
        () => undefined,
      ),
    );
    return mine;
  }
}

/** The work settles within a second of an abort; whoever waits does not wait for that. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
