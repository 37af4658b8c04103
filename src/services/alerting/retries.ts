import type { Clock } from "../../adapter-kit/clock.ts";

/** A device that answers again is asked again soon; one that refuses for long is not pressed. */
const pausesMs = [1_000, 2_000, 5_000];

interface Waiting {
  readonly tries: number;
  /** Undefined while it is tried. */
  readonly pause: AbortController | undefined;
}

/** When what failed is tried again: after growing pauses, for as long as it is asked for. */
export class Retries {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True while its pause runs. */
  isPausing(key: string): boolean {
    return this.#waiting.get(key)?.pause !== undefined;
  }

  /** Calls `again` after the next pause, unless it is forgotten or ended before. */
  later(key: string, again: () => void): void {
    this.endPause(key);
    const tries = this.#waiting.get(key)?.tries ?? 0;
    const pause = new AbortController();
    this.#waiting.set(key, { tries: tries + 1, pause });
    const wait = pausesMs[Math.min(tries, pausesMs.length - 1)] ?? 0;
    void this.#clock.sleep(wait, pause.signal).then(
      () => {
        this.#waiting.set(key, { tries: tries + 1, pause: undefined });
        again();
      },
      () => undefined,
    );
  }

  /** It is tried now, or not by time any more. */
  endPause(key: string): void {
    const known = this.#waiting.get(key);
    if (known === undefined) return;
    known.pause?.abort();
    this.#waiting.set(key, { ...known, pause: undefined });
  }

  /** Done, given up, or waiting for something else. */
  forget(key: string): void {
    this.endPause(key);
    this.#waiting.delete(key);
  }

  /** Idempotent. */
  stop(): void {
    for (const key of this.#waiting.keys()) this.forget(key);
  }
}
