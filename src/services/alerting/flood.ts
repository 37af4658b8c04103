import type { FloodLimits } from "../../config/alerts.ts";

/** Of all alerts together. Times in ms of the steady clock. */
export interface FloodState {
  /** The last times that any alert was raised, the oldest first; no more than a flood begins with. */
  readonly raises: readonly number[];
  /** Since when it floods; null: it does not. */
  readonly since: number | null;
}

export const noFlood: FloodState = { raises: [], since: null };

/** Takes in that so many alerts were raised now; 0: that time has passed. The same object where nothing changed. */
export function flow(limits: FloodLimits, before: FloodState, raised: number, steady: number): FloodState {
  const added = Array.from({ length: Math.min(raised, limits.alerts) }, () => steady);
  const raises = [...before.raises, ...added].slice(-limits.alerts);
  const within = raises.filter((time) => steady - time < limits.within).length;
  const begins = before.since === null && within >= limits.alerts;
  const ends = before.since !== null && within <= limits.alerts / 2;
  if (raised === 0 && !ends) return before;
  return { raises, since: begins ? steady : ends ? null : before.since };
}

/** When a flood may be over, in ms of the steady clock; Infinity: there is none. */
export function floodDueAt(limits: FloodLimits, { raises, since }: FloodState): number {
  if (since === null) return Infinity;
  // As soon as no more than half of a flood's alerts lie in the window.
  return (raises.at(-Math.floor(limits.alerts / 2) - 1) ?? -Infinity) + limits.within;
}
