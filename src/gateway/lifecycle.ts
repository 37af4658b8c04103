/** What begins and ends: `start` is told by the signal that a stop has come meanwhile; `tearDown` ends what was begun. */
export interface Lived {
  start(signal: AbortSignal): Promise<void>;
  /** After a start that failed half-way too. */
  tearDown(): Promise<void>;
}

/** One start, changes one after the other, one stop: none of them ever at the same time as another. */
export class Lifecycle {
  readonly #lived: Lived;
  readonly #stopping = new AbortController();
  #starting: Promise<void> = Promise.resolve();
  #changing: Promise<unknown> = Promise.resolve();
  #stopped: Promise<void> | undefined;

  constructor(lived: Lived) {
    this.#lived = lived;
  }

  /** Rejects where a part can't be started; what was started is ended again then. */
  start(): Promise<void> {
    this.#starting = this.#start();
    // A change that comes during the start waits for it.
    this.#changing = this.#starting;
    return this.#starting;
  }

  /** After the start and all changes before; rejects once a stop has begun. */
  change<T>(work: () => Promise<T>): Promise<T> {
    const changed = this.#changing
      .catch(() => undefined)
      .then(() => {
        this.#stopping.signal.throwIfAborted();
        return work();
      });
    this.#changing = changed;
    return changed;
  }

  /** Idempotent; waits for the start and for a change under way. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #start(): Promise<void> {
    try {
      await this.#lived.start(this.#stopping.signal);
    } catch (caught) {
      await this.#lived.tearDown().catch(() => undefined);
      throw caught;
    }
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new DOMException("The gateway is being stopped", "AbortError"));
    await this.#starting.catch(() => undefined);
    await this.#changing.catch(() => undefined);
    await this.#lived.tearDown();
  }
}
