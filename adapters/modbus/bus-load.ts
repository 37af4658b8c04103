import type { PollGroup } from "../../src/adapter-kit/index.ts";

/** Ticks of the grid that are looked at where the intervals meet again only after very long. */
const mostTicks = 10_000;

/**
 * What one device's polls come to in a millisecond, on average: of their bus time, the share of time that they keep the
 * bus busy; of their requests, the rate. All groups stand on one grid: at every tick the groups
 * that are due are read together, so what they share counts once. Looks at the ticks up to the one at which all
 * groups are due again.
 */
export function perMillisecond(
  groups: readonly PollGroup[],
  amountOf: (due: readonly PollGroup[]) => number,
): number {
  if (groups.length === 0) return 0;
  const known = new Map<string, number>();
  const next = groups.map(() => 0);
  let total = 0;
  let time = 0;
  for (let tick = 0; tick < mostTicks; tick += 1) {
    const due = groups.filter((_, index) => isDue(next[index] ?? 0, time));
    if (tick > 0 && due.length === groups.length) break;
    const key = due.map((group) => group.name).join("\n");
    const amount = known.get(key) ?? amountOf(due);
    known.set(key, amount);
    total += amount;
    for (const [index, group] of groups.entries()) {
      const turn = next[index] ?? 0;
      if (isDue(turn, time)) next[index] = turn + group.interval;
    }
    time = Math.min(...next);
  }
  return total / time;
}

/** Intervals may have fractions of a millisecond, whose sums are off by some rounding. */
function isDue(turn: number, time: number): boolean {
  return turn - time < 1e-6;
}
