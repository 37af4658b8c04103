/**
 * Counts of values in buckets that grow by a constant factor (DDSketch, VLDB 2019): a percentile out of it is within
 * one part in a hundred of the value that a sorted list would give, whatever the distribution. Plain data.
 */
export interface Sketch {
  zeros: number;
  /** Bucket and count, by the value's sign. */
  readonly positive: [number, number][];
  readonly negative: [number, number][];
}

/** The error of a percentile, as a share of it. */
export const percentileError = 0.01;

const growth = (1 + percentileError) / (1 - percentileError);
const logGrowth = Math.log(growth);

/** Buckets for each sign: eight powers of ten. Beyond them the values nearest to 0 share a bucket. */
const mostBuckets = 1_024;

export function emptySketch(): Sketch {
  return { zeros: 0, positive: [], negative: [] };
}

export function addToSketch(sketch: Sketch, value: number): void {
  if (value === 0) sketch.zeros += 1;
  else
    addToBucket(
      value > 0 ? sketch.positive : sketch.negative,
      Math.ceil(Math.log(Math.abs(value)) / logGrowth),
    );
}

/** @param share 0 to 100; by nearest rank. Null where the sketch is empty. */
export function percentileOf(sketch: Sketch, share: number): number | null {
  const { positive, negative, zeros } = sketch;
  const below = negative.reduce((sum, [, count]) => sum + count, 0);
  const above = positive.reduce((sum, [, count]) => sum + count, 0);
  const total = below + zeros + above;
  if (total === 0) return null;
  let rank = Math.max(1, Math.ceil((share / 100) * total));
  for (const [bucket, count] of negative.toReversed()) {
    if (rank <= count) return -middleOf(bucket);
    rank -= count;
  }
  if (rank <= zeros) return 0;
  rank -= zeros;
  for (const [bucket, count] of positive) {
    if (rank <= count) return middleOf(bucket);
    rank -= count;
  }
  return null;
}

function middleOf(bucket: number): number {
  return (2 * growth ** bucket) / (1 + growth);
}

/** Keeps the buckets in order. */
function addToBucket(buckets: [number, number][], bucket: number): void {
  let low = 0;
  let high = buckets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((buckets[middle]?.[0] ?? 0) < bucket) low = middle + 1;
    else high = middle;
  }
  const found = buckets[low];
  if (found?.[0] === bucket) {
    found[1] += 1;
    return;
  }
  buckets.splice(low, 0, [bucket, 1]);
  if (buckets.length <= mostBuckets) return;
  const [smallest] = buckets.splice(0, 1);
  const next = buckets[0];
  if (smallest !== undefined && next !== undefined) next[1] += smallest[1];
}
