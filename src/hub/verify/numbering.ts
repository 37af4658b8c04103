import { NumberSet, type Range } from "./number-set.ts";

/** A run that the messages don't name: they may be of any. */
const unnamed = "";

/**
 * Numbers that grow by one, over the runs of a gateway. A run goes on where the one before ended; after a rollback of the
 * gateway's disk it begins lower, and gives the same numbers to other messages.
 */
export class Numbering {
  readonly #all = new NumberSet();
  readonly #runs = new Map<string, NumberSet>();
  count = 0;
  duplicates = 0;
  reorderings = 0;

  /** Infinity while it is empty. */
  get least(): number {
    return this.#all.least;
  }

  /** -Infinity while it is empty. */
  get most(): number {
    return this.#all.most;
  }

  /** One message, in the order of its stream. */
  take(run: string, number: number): void {
    this.count += 1;
    this.#all.add(number);
    let seen = this.#runs.get(run);
    if (seen === undefined) this.#runs.set(run, (seen = new NumberSet()));
    const isBehind = number < seen.most;
    if (!seen.add(number)) this.duplicates += 1;
    else if (isBehind) this.reorderings += 1;
  }

  /** What no run has, and what a run has on both sides of it and not itself, though another does; in no particular order. */
  *missing(from: number, to: number): Generator<Range> {
    yield* this.#all.gaps(from, to);
    if (this.#runs.size < 2) return;
    const loose = this.#runs.get(unnamed);
    for (const [run, seen] of this.#runs) {
      if (run === unnamed) continue;
      for (const [first, last] of seen.gaps(Math.max(from, seen.least), Math.min(to, seen.most)))
        for (const number of this.#all.within(first, last))
          if (loose?.has(number) !== true) yield [number, number];
    }
  }
}
