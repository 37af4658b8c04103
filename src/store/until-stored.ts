import type { Clock } from "../adapter-kit/clock.ts";
import type { StateStore, Stored } from "./state-store.ts";

/** While the disk refuses it is tried this often for those who wait; the store itself tries every 5 s. */
const tryMs = 1_000;

export interface UntilStoredOptions {
  readonly store: Pick<StateStore, "change">;
  readonly clock: Clock;
  /** Nobody waits longer than this for a disk that refuses, in ms. */
  readonly boundMs: number;
  /** Ends all waiting. */
  readonly signal: AbortSignal;
}

/** For those who may go on only once the disk has what they gave to the store. One try at a time for all of them. */
export class UntilStored {
  readonly #options: UntilStoredOptions;
  #isRefused = false;
  #recovery: Promise<boolean> | undefined;

  constructor(options: UntilStoredOptions) {
    this.#options = options;
  }

  /** The disk has refused, and taken nothing since. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** True once it is on disk, with all that was given before; false where the disk refuses for too long. Never rejects. */
  async stored(change: Promise<Stored>): Promise<boolean> {
    if ((await change) === "stored") return true;
    this.#isRefused = true;
    return this.recovered();
  }

  /** True once the disk takes something again; false after the bound. */
  recovered(): Promise<boolean> {
    this.#recovery ??= this.#retry().finally(() => (this.#recovery = undefined));
    return this.#recovery;
  }

  async #retry(): Promise<boolean> {
    const { store, clock, boundMs, signal } = this.#options;
    const until = clock.monotonic() + boundMs;
    while (this.#isRefused && clock.monotonic() < until && !signal.aborted) {
      await clock.sleep(tryMs, signal).catch(() => undefined);
      if ((await store.change([])) === "stored") this.#isRefused = false;
    }
    return !this.#isRefused;
  }
}
