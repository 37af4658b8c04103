/** The lowest, highest and last value of one slice of the window. */
interface Slice {
  readonly from: number;
  /** Of the last value in it. */
  readonly to: number;
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
  const one = { from: timestamp, to: timestamp, low: value, high: value, last: value };
  if (window === undefined || timestamp < window.timestamp)
    return { slices: [one], timestamp, arrivedAt: now };
  const open = window.slices.at(-1);
  const inOpen = open !== undefined && timestamp - open.from < over / slicesPerWindow;
  const slices = inOpen
    ? [
        ...window.slices.slice(0, -1),
        {
          ...open,
          to: timestamp,
          low: Math.min(open.low, value),
          high: Math.max(open.high, value),
          last: value,
        },
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
  const since = timestamp + Math.max(0, now - arrivedAt) - over;
  const kept = drop(slices, since);
  const { last = 0 } = kept.at(-1) ?? {};
  let low = last;
  let high = last;
  for (const slice of kept) {
    // Of a slice before the window only what it ended with reaches into it; one that reaches over its edge counts whole.
    const before = slice.to <= since;
    low = Math.min(low, before ? slice.last : slice.low);
    high = Math.max(high, before ? slice.last : slice.high);
  }
  return { up: last - low, down: high - last };
}

/** When something next leaves the window by time alone, in the gateway's ms; Infinity: nothing does. */
export function leavesAt({ slices, timestamp, arrivedAt }: RateWindow, over: number, now: number): number {
  const edges = slices.flatMap(({ from, to }) => [from, to]);
  const times = edges.map((edge) => arrivedAt + (edge + over - timestamp));
  return Math.min(...times.filter((at) => at > now));
}

/** Without the slices that were over before `since`, but for the last of them: its value held on into the window. */
function drop(slices: readonly Slice[], since: number): readonly Slice[] {
  const first = slices.findIndex((_, index) => (slices[index + 1]?.from ?? Infinity) > since);
  return first <= 0 ? slices : slices.slice(first);
}
