import type { Clock } from "../../adapter-kit/clock.ts";

/** Lets the rest of the gateway go first. */
export type Breathe = () => Promise<void> | undefined;

/** Work in pieces holds the event loop for about so long: live readings wait for nobody. */
const longestHoldMs = 2;

/** To be asked between two pieces: a promise where the rest of the gateway is to go first. */
export function breathing(clock: Pick<Clock, "monotonic">): Breathe {
  let since = -Infinity;
  return () => {
    const now = clock.monotonic();
    if (now - since < longestHoldMs) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = clock.monotonic();
        resolve();
      });
    });
  };
}

/** Does a piece of work for each, the rest of the gateway in between. */
export async function inBreaths<T>(
  breathe: Breathe,
  all: Iterable<T>,
  work: (one: T) => unknown,
): Promise<void> {
  for (const one of all) {
    work(one);
    const pause = breathe();
    if (pause !== undefined) await pause;
  }
}
