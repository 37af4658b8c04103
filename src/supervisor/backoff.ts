export interface BackoffOptions {
  /** The first wait, in ms. */
  readonly initial: number;
  /** No wait is longer, in ms. */
  readonly max: number;
  /** In [0, 1): where the jitter comes from. */
  random(): number;
}

/**
 * Waits in ms: each base is twice the last up to `max`, and each wait lies between half its base and its base, so that
 * devices lost together do not come back together.
 */
export function* backoff(options: BackoffOptions): Generator<number, never> {
  let base = Math.min(options.initial, options.max);
  for (;;) {
    yield Math.round(base * (0.5 + options.random() / 2));
    base = Math.min(base * 2, options.max);
  }
}
