interface Running<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  waiting: number;
}

/** One attempt at a time that any number of callers wait for; aborted once none of them waits any more. */
export class SharedAttempt<T> {
  #running: Running<T> | undefined;

  /** Joins the attempt under way, or begins one. Rejects with the caller's own signal's reason at once. */
  async join(attempt: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    const running = this.#running ?? this.#begin(attempt);
    running.waiting += 1;
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort);
    try {
      return await Promise.race([running.result, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      running.waiting -= 1;
      if (running.waiting === 0) this.#end(running, signal.reason);
    }
  }

  /** Ends the attempt under way. */
  abort(reason: unknown): void {
    if (this.#running !== undefined) this.#end(this.#running, reason);
  }

  #begin(attempt: (signal: AbortSignal) => Promise<T>): Running<T> {
    const abort = new AbortController();
    const running: Running<T> = { result: attempt(abort.signal), abort, waiting: 0 };
    this.#running = running;
    return running;
  }

  /** Aborting an attempt that has settled does nothing more. */
  #end(running: Running<T>, reason: unknown): void {
    if (this.#running === running) this.#running = undefined;
    running.abort.abort(reason);
  }
}
