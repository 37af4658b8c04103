/** One job at a time, and one more that waits; what comes beyond is turned away. */
export class SingleFlight {
  #running = false;
  #next: (() => Promise<void>) | undefined;
  readonly #onOverrun: () => void;

  constructor(onOverrun: () => void) {
    this.#onOverrun = onOverrun;
  }

  /** False where the job was turned away. Jobs must not reject. */
  run(job: () => Promise<void>): boolean {
    if (!this.#running) void this.#fly(job);
    else if (this.#next === undefined) this.#next = job;
    else {
      this.#onOverrun();
      return false;
    }
    return true;
  }

  async #fly(first: () => Promise<void>): Promise<void> {
    this.#running = true;
    for (let job: (() => Promise<void>) | undefined = first; job !== undefined;) {
      await job();
      job = this.#next;
      this.#next = undefined;
    }
    this.#running = false;
  }
}
