import type { Clock } from "../adapter-kit/clock.ts";
import type { OutgoingMessage, StateChange, StateStore } from "../store/state-store.ts";

/** A store in memory that a killed service leaves as its disk would be: what was not committed is not there. */
export class FakeStore implements StateStore {
  readonly epoch = "e1";
  readonly disk = new Map<string, string>();
  /** What is committed to be sent. */
  readonly messages: OutgoingMessage[] = [];
  commits = 0;
  /** After so many commits nothing more happens: the power is gone. */
  diesAfter = Infinity;
  /** Whether the commit that the power fails in is on disk, though nobody heard of it. */
  lastIsWritten = false;
  isDead = false;

  read(): ReadonlyMap<string, string> {
    return new Map(this.disk);
  }

  async change(
    changes: readonly StateChange[],
    messages: readonly OutgoingMessage[] = [],
  ): Promise<"stored"> {
    await Promise.resolve();
    if (this.isDead) return new Promise(() => {});
    const dead = this.commits >= this.diesAfter;
    this.isDead = dead;
    if (dead && !this.lastIsWritten) return new Promise(() => {});
    this.commits += 1;
    this.messages.push(...messages);
    for (const { key, value } of changes) {
      if (value === null) this.disk.delete(key);
      else this.disk.set(key, value);
    }
    return dead ? new Promise(() => {}) : "stored";
  }

  note(changes: readonly StateChange[]): void {
    void this.change(changes);
  }
}

/** A clock that a test moves on. */
export class FakeClock implements Clock {
  time = 1_795_370_000_000;
  readonly #waits: { readonly at: number; readonly ring: () => void }[] = [];

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time - 1_795_369_000_000;
  }

  sleep(wait: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) reject(signal.reason);
      this.#waits.push({ at: this.time + wait, ring: resolve });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  async pass(span: number): Promise<void> {
    this.time += span;
    for (const { at, ring } of this.#waits) if (at <= this.time) ring();
    await settle();
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
