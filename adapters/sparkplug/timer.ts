import type { Clock } from "../../src/adapter-kit/index.ts";

/** One thing to be done later, at most one at a time. */
export class Timer {
  readonly #clock: Clock;
  #pending: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get running(): boolean {
    return this.#pending !== undefined;
  }

  /** Takes the place of what was to be done. */
  start(ms: number, act: () => void): void {
    this.stop();
    const pending = new AbortController();
    this.#pending = pending;
    const fire = () => {
      if (this.#pending !== pending) return;
      this.#pending = undefined;
      act();
    };
    // It rejects only where it was stopped.
    void this.#clock.sleep(ms, pending.signal).then(fire, () => undefined);
  }

  stop(): void {
    this.#pending?.abort();
    this.#pending = undefined;
  }
}
