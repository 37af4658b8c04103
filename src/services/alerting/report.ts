import type { AlertsConfig } from "../../config/alerts.ts";
import type { DescribedAlert } from "./describe.ts";
import type { FloodState } from "./flood.ts";

/** ISA-18.2 §16.5.5: an alert that stands for longer than this is stale: nobody acts on it. */
const standingForMs = 86_400_000;
const mostNamed = 10;

/** How well people are served by the alerts, in the figures of ANSI/ISA-18.2-2016 §16.5. Times are Unix ms. */
export function report(
  alerts: readonly DescribedAlert[],
  flood: FloodState,
  { flood: floodLimits, chatter }: AlertsConfig,
  now: number,
): object {
  const named = (state: string) => alerts.filter((alert) => alert.state === state).map(({ alert }) => alert);
  const byCount = alerts.filter(({ count }) => count > 0).toSorted((one, other) => other.count - one.count);
  return {
    flood: {
      active: flood.since !== null,
      limits: { alerts: floodLimits.alerts, withinMs: floodLimits.within },
    },
    chattering: alerts.filter(({ chattering }) => chattering === true).map(({ alert }) => alert),
    chatterLimits: { times: chatter.times, withinMs: chatter.within },
    standing: alerts
      .filter(({ raised, raisedAt }) => raised === true && now - (raisedAt ?? now) > standingForMs)
      .map(({ alert, raisedAt }) => ({ alert, raisedAt })),
    mostFrequent: byCount.slice(0, mostNamed).map(({ alert, count }) => ({ alert, count })),
    unacknowledged: alerts.filter(({ state }) => state.endsWith("unacknowledged")).map(({ alert }) => alert),
    shelved: named("shelved"),
    suppressed: named("suppressed"),
    outOfService: named("out-of-service"),
  };
}
