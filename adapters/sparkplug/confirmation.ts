import { isDeepStrictEqual } from "node:util";
import { plainText, type Clock, type Sample, type TagValue } from "../../src/adapter-kit/index.ts";

/** An older value may be on its way while a write is: so long another one is waited for. */
const settleMs = 1_000;

/** The wait for the data that tell what became of a write. */
export class Confirmation {
  readonly #written: TagValue;
  readonly #before: Sample | undefined;
  readonly #settled = Promise.withResolvers<Sample>();
  #other: Sample | undefined;
  #late = false;

  /** `before` is the last sample from before the write: a node reports by exception, and says nothing of what stays. */
  constructor(written: TagValue, before: Sample | undefined) {
    this.#written = written;
    this.#before = before;
    // Nobody need wait for it.
    this.#settled.promise.catch(() => undefined);
  }

  /** A new sample of the tag. */
  take(sample: Sample): void {
    if (this.#late || isSame(this.#written, sample)) this.#settled.resolve(sample);
    else this.#other = sample;
  }

  /** The device is gone. */
  fail(error: Error): void {
    this.#settled.reject(error);
  }

  /**
   * The first sample since the write that holds what was written; after a second, another one where there is one, or the
   * one from before where that held it already; else the next that comes. Rejects when the signal aborts.
   */
  async sample(clock: Clock, signal: AbortSignal): Promise<Sample> {
    const patience = new AbortController();
    const stop = () => this.#settled.reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    clock.sleep(settleMs, patience.signal).then(
      () => this.#grow(),
      () => undefined,
    );
    try {
      return await this.#settled.promise;
    } finally {
      patience.abort();
      signal.removeEventListener("abort", stop);
    }
  }

  #grow(): void {
    this.#late = true;
    if (this.#other !== undefined) this.#settled.resolve(this.#other);
    else if (this.#before !== undefined && isSame(this.#written, this.#before))
      this.#settled.resolve(this.#before);
  }
}

function isSame(written: TagValue, { value }: Sample): boolean {
  if (typeof written === "number" && typeof value === "number")
    return written === value || Math.fround(written) === value;
  if (typeof written === "bigint" || typeof value === "bigint")
    return plainText(written) === plainText(value);
  return isDeepStrictEqual(written, value);
}
