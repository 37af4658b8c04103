import type { Duration } from "../../domain/duration.ts";

/**
 * The time that a write has, from its coming to its answer. A service's own write has a whole deadline once its turn has come,
 * however long others kept it waiting: what came before it is over a deadline after it came, at the latest.
 */
export class WriteTime {
  readonly #deadline: Duration;
  readonly #late = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];

  /** @param deadlines how many it has in all, the wait for its turn included */
  constructor(deadline: Duration, deadlines: 1 | 2) {
    this.#deadline = deadline;
    this.#endIn(deadline * deadlines);
  }

  /** Aborts when the time is over. */
  get signal(): AbortSignal {
    return this.#late.signal;
  }

  /** Its turn has come: from now on it has one deadline at most. */
  begin(): void {
    this.#endIn(this.#deadline);
  }

  /** It is settled. */
  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #endIn(span: number): void {
    const late = new DOMException("The write's time is over", "TimeoutError");
    this.#timers.push(setTimeout(() => this.#late.abort(late), span).unref());
  }
}
