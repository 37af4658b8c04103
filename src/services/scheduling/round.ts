import type { TagValue } from "../../domain/reading.ts";

/** A reading of a tag that line.yaml names. */
export interface LineReading {
  /** As in line.yaml, such as `press-1/cycle/done`. */
  readonly tag: string;
  readonly value: TagValue | null;
  readonly good: boolean;
  /** Unix ms: the source's. */
  readonly timestamp: number;
  /** The monotonic clock at the read. */
  readonly readAt: number;
  /** Perhaps of before: it says how things stand, and confirms only what was sent before its timestamp. */
  readonly recalled?: boolean | undefined;
}

/**
 * Readings that came together, as those of one poll do, in rounds: a tag stands in each once at most, so that what a round says
 * holds for all of it, in whatever order the mapping has its tags.
 */
export function rounds(readings: readonly LineReading[]): readonly (readonly LineReading[])[] {
  const told: LineReading[][] = [];
  let tags = new Set<string>();
  for (const reading of readings) {
    if (told.length === 0 || tags.has(reading.tag)) {
      told.push([]);
      tags = new Set();
    }
    tags.add(reading.tag);
    told.at(-1)?.push(reading);
  }
  return told;
}
