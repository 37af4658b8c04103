import { isDeepStrictEqual } from "node:util";
import type { Deadband } from "../adapter-kit/mapping.ts";
import type { TagValue } from "../domain/reading.ts";

/**
 * True where `next` has left the band around the value last published, and so must be published. Numbers are compared
 * with the band, everything else for being different (arrays and structures by what is in them). A band of 0 lets every change through and nothing else.
 */
export function leavesBand(deadband: Deadband, last: TagValue | null, next: TagValue | null): boolean {
  if (last === next) return false;
  const numeric = typeof last === "number" || typeof last === "bigint";
  if (!numeric || (typeof next !== "number" && typeof next !== "bigint")) {
    return typeof next !== "object" || !isDeepStrictEqual(last, next);
  }
  const before = Number(last);
  const band = deadband.kind === "absolute" ? deadband.band : (deadband.band / 100) * Math.abs(before);
  // Two wide integers that differ may be the same double: they differ all the same.
  if (band === 0) return true;
  return Math.abs(Number(next) - before) > band;
}
