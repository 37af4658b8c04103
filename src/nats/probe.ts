import type { Clock } from "../adapter-kit/clock.ts";
import { GatewayError, isAbort, toGatewayError } from "../domain/errors.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import type { NatsLink } from "./link.ts";
import { storeProbe } from "./streams.ts";

export interface ProbeTimes {
  readonly everyMs: number;
  readonly timeoutMs: number;
  /** So many in a row, and the server counts as hanging. */
  readonly misses: number;
}

export const usualProbeTimes: ProbeTimes = { everyMs: 2_000, timeoutMs: 2_000, misses: 3 };

/** Watches a server by real round trips through JetStream: `/healthz` says ok where nothing is stored any more. */
export class RoundTripProbe {
  readonly #link: NatsLink;
  readonly #clock: Clock;
  readonly #times: ProbeTimes;
  readonly #stuck: () => string | undefined;
  #misses = 0;
  #lastSuccessAt: number | undefined;
  #lastError: string | undefined;
  #probedConnect = 0;

  /** @param stuck what the server itself says why it stores no more */
  constructor(link: NatsLink, clock: Clock, times: ProbeTimes, stuck: () => string | undefined) {
    this.#link = link;
    this.#clock = clock;
    this.#times = times;
    this.#stuck = stuck;
  }

  /** Why the last round trip failed, where it did. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Since the last round trip that succeeded, in ms. */
  get ageMs(): number | undefined {
    return this.#lastSuccessAt === undefined ? undefined : this.#clock.monotonic() - this.#lastSuccessAt;
  }

  /** Forgets the misses: the server is a new one. */
  reset(): void {
    this.#misses = 0;
  }

  /** Probes until the signal aborts; `onHang` is called after so many misses in a row. Never rejects. */
  async run(signal: AbortSignal, onHang: (error: string) => void): Promise<void> {
    while (!signal.aborted) {
      try {
        // One probe after the other: that is what this loop is for.
        await this.#clock.sleep(this.#times.everyMs, signal);
      } catch (caught) {
        if (isAbort(caught)) return;
        throw caught;
      }
      await this.#probe();
      if (this.#misses < this.#times.misses) continue;
      this.#misses = 0;
      if (!signal.aborted) onHang(this.#lastError ?? "");
    }
  }

  async #probe(): Promise<void> {
    const { timeoutMs } = this.#times;
    const startedAt = this.#clock.monotonic();
    const api = new JetStreamApi((subject, payload) => this.#link.request(subject, payload, timeoutMs));
    const { connects } = this.#link.counters;
    try {
      const why = this.#stuck();
      if (why !== undefined) throw new GatewayError("UPLINK_UNAVAILABLE", why);
      await storeProbe(api, this.#lastError !== undefined || connects !== this.#probedConnect);
      this.#probedConnect = connects;
      this.#misses = 0;
      this.#lastError = undefined;
      this.#lastSuccessAt = this.#clock.monotonic();
    } catch (caught) {
      // A timer that fires late tells that this process stood still (stopped, suspended), not that the server did.
      const stoodStill = this.#clock.monotonic() - startedAt > 3 * timeoutMs + 1_000;
      if (!stoodStill) this.#misses += 1;
      this.#lastError = toGatewayError(caught).message;
    }
  }
}
