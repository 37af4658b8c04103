import type { TimestampUnit } from "../../src/adapter-kit/source-timestamp.ts";

/** A time in ms since the Unix epoch as a device writes it. */
export function sourceTime(unit: TimestampUnit, now: number): string | number {
  switch (unit) {
    case "iso8601":
      return new Date(now).toISOString();
    case "s":
      return now / 1_000;
    case "ms":
      return now;
    case "us":
      return now * 1_000;
  }
}
