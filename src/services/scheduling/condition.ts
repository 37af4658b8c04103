import type { Condition } from "../../config/line.ts";
import type { TagValue } from "../../domain/reading.ts";

/** The last value of each tag that the line looks at; null or absent where there is no good one. */
export type Facts = ReadonlyMap<string, TagValue | null>;

/** True where everything holds that the condition says. Nothing holds of a tag without a good value. */
export function holds({ tag, is, isNot, above, below }: Condition, facts: Facts): boolean {
  const value = facts.get(tag);
  if (value === undefined || value === null) return false;
  // A 64-bit integer is compared as what it is shown as.
  const shown = typeof value === "bigint" ? Number(value) : value;
  return (
    (is === undefined || shown === is) &&
    (isNot === undefined || shown !== isNot) &&
    (above === undefined || Number(shown) > above) &&
    (below === undefined || Number(shown) < below)
  );
}
