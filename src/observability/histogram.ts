/** A histogram in the Prometheus sense, cheap enough for every reading: plain counters, no labels, no allocation. */
export class Histogram {
  /** Upper bounds of the buckets, ascending; the last bucket beyond them is implied. */
  readonly bounds: readonly number[];
  /** One count a bucket, not cumulated; one more than bounds. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const { bounds } = this;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
    this.count += 1;
  }
}

/** Buckets in ms for what happens inside the gateway: tens of µs to a second. */
export const insideMs: readonly number[] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 1000];

/** Buckets in ms for round trips to devices: a local PLC to a serial line at 9600 baud. */
export const roundTripMs: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000];
