import type { Clock } from "../../adapter-kit/clock.ts";
import type { Breathe } from "./pack.ts";

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
