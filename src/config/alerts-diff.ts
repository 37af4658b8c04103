import { isDeepStrictEqual } from "node:util";
import type { AlertsConfig } from "./alerts.ts";

/** What changed from one alerts.yaml to the next: names of alerts, in the order of the later (`removed`: earlier) one. */
export interface AlertsDiff {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  /** True where what counts as a flood, or as chatter, is not what it was. */
  readonly limits: boolean;
}

/** Compares alerts by what they mean, not by how they are written. */
export function diffAlerts(before: AlertsConfig | undefined, after: AlertsConfig | undefined): AlertsDiff {
  const earlier = new Map(before?.alerts.map((alert) => [alert.name, alert]));
  const later = new Map(after?.alerts.map((alert) => [alert.name, alert]));
  const limits = ({ flood, chatter }: Partial<AlertsConfig>) => ({ flood, chatter });
  return {
    added: [...later.keys()].filter((name) => !earlier.has(name)),
    changed: [...later]
      .filter(([name, alert]) => earlier.has(name) && !isDeepStrictEqual(earlier.get(name), alert))
      .map(([name]) => name),
    removed: [...earlier.keys()].filter((name) => !later.has(name)),
    limits: !isDeepStrictEqual(limits(before ?? {}), limits(after ?? {})),
  };
}
