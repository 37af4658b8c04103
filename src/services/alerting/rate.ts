/** The lowest, highest and last value of one slice of the window. */
interface Slice {
  readonly from: number;
  readonly low: number;
  readonly high: number;
  readonly last: number;
}

/** What a rate of change is reckoned from: a bounded number of slices, however many readings there are. */
export interface RateWindow {
  /** The oldest first. Times of the source, in ms; a clock that steps back begins a new window. */
  readonly slices: readonly Slice[];
  /** The source's time of the last reading, and the gateway's when it came. */
  readonly timestamp: number;
  readonly arrivedAt: number;
}

const slicesPerWindow = 32;

/** Takes one value in. @param timestamp the source's, in ms. @param now the gateway's, in ms. */
export function slide(
  window: RateWindow | undefined,
  value: number,
  timestamp: number,
  now: number,
  over: number,
): RateWindow {
  const one = { from: timestamp, low: value, high: value, last: value };
  if (window === undefined || timestamp < window.timestamp)
    return { slices: [one], timestamp, arrivedAt: now };
  const open = window.slices.at(-1);
  const inOpen = open !== undefined && timestamp - open.from < over / slicesPerWindow;
  const slices = inOpen
    ? [
        ...window.slices.slice(0, -1),
        { ...open, low: Math.min(open.low, value), high: Math.max(open.high, value), last: value },
      ]
    : [...window.slices, one];
  return { slices: drop(slices, timestamp - over), timestamp, arrivedAt: now };
}

/** The most that the value has risen and fallen within the window, up to now: between readings it stays what it was. */
export function changeWithin(
  { slices, timestamp, arrivedAt }: RateWindow,
  over: number,
  now: number,
): { readonly up: number; readonly down: number } {
  const kept = drop(slices, timestamp + Math.max(0, now - arrivedAt) - over);
  const { last = 0 } = kept.at(-1) ?? {};
  let low = last;
  let high = last;
  for (const [index, slice] of kept.entries()) {
    // Of the slice before the window only what it ended with reaches into it.
    const before = index === 0 && slice.from <= timestamp + Math.max(0, now - arrivedAt) - over;
    low = Math.min(low, before ? slice.last : slice.low);
    high = Math.max(high, before ? slice.last : slice.high);
  }
  return { up: last - low, down: high - last };
}

/** When the oldest slice that is not the only one leaves the window, in the gateway's ms; Infinity: never. */
export function leavesAt({ slices, timestamp, arrivedAt }: RateWindow, over: number): number {
  const second = slices[1];
  return second === undefined ? Infinity : arrivedAt + (second.from + over - timestamp);
}

/** Without the slices that were over before `since`, but for the last of them: its value held on into the window. */
function drop(slices: readonly Slice[], since: number): readonly Slice[] {
  const first = slices.findIndex((_, index) => (slices[index + 1]?.from ?? Infinity) > since);
  return first <= 0 ? slices : slices.slice(first);
}
