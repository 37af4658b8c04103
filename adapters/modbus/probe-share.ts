import type { Clock } from "../../src/adapter-kit/index.ts";

/** A unit that fell silent is asked for at most this share of a bus that others use. */
const share = 0.1;
/** Who waits for its turn looks again after so long: those who used the bus may be gone by then. */
const lookAgainMs = 200;

/** Shares out the turns in which silent units are asked whether they are back: each may cost its whole timeout. */
export class ProbeShare {
  readonly #clock: Clock;
  /** Monotonic ms before which no other unit has a turn. */
  #nextAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the turn has come; `contended` says whether anybody else uses the bus. */
  async turn(costMs: number, contended: () => boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.#clock.monotonic();
      if (now >= this.#nextAt || !contended()) {
        this.#nextAt = now + costMs / share;
        return;
      }
      await this.#clock.sleep(Math.min(this.#nextAt - now, lookAgainMs), signal);
    }
  }

  /** The unit that had the turn answered, so that it cost nothing. */
  giveBack(): void {
    this.#nextAt = 0;
  }
}
