declare const milliseconds: unique symbol;

/** A span of time in milliseconds. Branded, so that a bare number is never taken for one by accident. */
export type Duration = number & { readonly [milliseconds]: true };

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What the mapping files allow, in the words of an error message. */
export const durationForm = "a duration with its unit, such as 50ms, 10s, 5m, 2h or 1d";

/** A number of milliseconds as a Duration. */
export function ms(value: number): Duration {
  return value as Duration;
}

/** Reads `50ms`, `1.5s`, `10m`, `2h`, `1d`; undefined where the text is anything else. */
export function parseDuration(text: string): Duration | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  const factor = match?.[2] === undefined ? undefined : unitMs[match[2]];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  return ms(Number(match[1]) * factor);
}

/** The shortest exact form that `parseDuration` reads back: 90000 is `90s`, 1500 is `1500ms`. */
export function formatDuration(value: Duration): string {
  for (const unit of ["d", "h", "m", "s"]) {
    const factor = unitMs[unit] ?? 1;
    if (value >= factor && value % factor === 0) return `${value / factor}${unit}`;
  }
  return `${value}ms`;
}
