import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { toGatewayError } from "../domain/errors.ts";

/** A timer of Node's takes 24 days at most; it may ring too early. */
const longestSleepMs = 86_400_000;

export interface DueTimerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** ms of the clock that what is due is reckoned by. */
  readonly steady: () => number;
  readonly ring: () => void;
}

/** One timer for all that is due some time. */
export class DueTimer {
  readonly #options: DueTimerOptions;
  readonly #due = new Map<string, number>();
  #alarm: { readonly at: number; readonly off: AbortController } | undefined;
  #stopped = false;

  constructor(options: DueTimerOptions) {
    this.#options = options;
  }

  /** @param at ms of the steady clock; Infinity: never. One that is put off lets the timer ring once for nothing. */
  set(name: string, at: number): void {
    if (at === Infinity) this.#due.delete(name);
    else this.#due.set(name, at);
    if (at < (this.#alarm?.at ?? Infinity)) this.#arm(at);
  }

  /** What is due now. */
  due(): readonly string[] {
    const now = this.#options.steady();
    return [...this.#due].filter(([, at]) => at <= now).map(([name]) => name);
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#alarm?.off.abort();
  }

  #arm(at: number): void {
    this.#alarm?.off.abort();
    this.#alarm = undefined;
    if (at === Infinity || this.#stopped) return;
    const { clock, log, steady, ring } = this.#options;
    const off = new AbortController();
    this.#alarm = { at, off };
    const wait = Math.min(at - steady(), longestSleepMs);
    const rung = clock.sleep(wait, off.signal).then(() => {
      this.#alarm = undefined;
      ring();
      this.#arm(Math.min(...this.#due.values()));
    });
    rung.catch((caught: unknown) => {
      if (!off.signal.aborted) log.error({ error: toGatewayError(caught) }, "a timer failed");
    });
  }
}
