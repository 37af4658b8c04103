interface Sample {
  /** Monotonic ms. */
  readonly at: number;
  readonly value: number;
}

/** How fast a figure changes: over the last looks within a span of time. */
export class Slope {
  readonly #spanMs: number;
  readonly #leastMs: number;
  #samples: readonly Sample[] = [];

  /** `leastMs`: over a shorter time nothing is said. */
  constructor(spanMs: number, leastMs: number) {
    this.#spanMs = spanMs;
    this.#leastMs = leastMs;
  }

  add(at: number, value: number): void {
    this.#samples = [...this.#samples.filter((sample) => at - sample.at <= this.#spanMs), { at, value }];
  }

  /** A second; undefined where it is not known yet. */
  get perSecond(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < this.#leastMs) return undefined;
    return ((last.value - first.value) / (last.at - first.at)) * 1_000;
  }
}
