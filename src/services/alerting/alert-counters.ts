import type { Metric } from "../../observability/exposition.ts";
import type { AlertEvent } from "./alert-state.ts";
import type { DescribedAlert } from "./describe.ts";

/** Why an action is not done any more: the alert wants another, alerts.yaml does, or too many wait for a far side. */
export type DropReason = "superseded" | "edited" | "behind";

/** What the alerts do, in figures. */
export class AlertCounters {
  readonly #events = new Map<string, { readonly event: string; readonly priority: string; count: number }>();
  readonly #dropped = new Map<DropReason, number>();
  failedActions = 0;
  /** Readings of tags that alerts look at. */
  readings = 0;

  told(priority: string, event: AlertEvent): void {
    const key = `${priority} ${event}`;
    const counted = this.#events.get(key) ?? { event, priority, count: 0 };
    counted.count += 1;
    this.#events.set(key, counted);
  }

  dropped(reason: DropReason): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + 1);
  }

  *metrics(alerts: readonly DescribedAlert[], isFlood: boolean): Generator<Metric> {
    const states = new Map<string, { readonly state: string; readonly priority: string; count: number }>();
    for (const { state, priority } of alerts) {
      const counted = states.get(`${priority} ${state}`) ?? { state, priority, count: 0 };
      counted.count += 1;
      states.set(`${priority} ${state}`, counted);
    }
    yield {
      name: "linegate_alerts",
      help: "Alerts by their state and priority now",
      type: "gauge",
      samples: [...states.values()].map(({ state, priority, count }) => [{ state, priority }, count]),
    };
    yield {
      name: "linegate_alert_events_total",
      help: "What happened to alerts, by event and priority",
      type: "counter",
      samples: [...this.#events.values()].map(({ event, priority, count }) => [{ event, priority }, count]),
    };
    yield {
      name: "linegate_alert_flood",
      help: "1 while alerts come faster than anybody can follow them",
      type: "gauge",
      samples: [[{}, isFlood ? 1 : 0]],
    };
    yield {
      name: "linegate_alert_actions_failed_total",
      help: "Writes and webhooks that alerts called for and that could not be done",
      type: "counter",
      samples: [[{}, this.failedActions]],
    };
    yield {
      name: "linegate_alert_actions_dropped_total",
      help: "Actions that alerts called for and that were not wanted any more before they could be done, by why",
      type: "counter",
      samples: [...this.#dropped].map(([reason, count]) => [{ reason }, count]),
    };
    yield {
      name: "linegate_alert_readings_total",
      help: "Readings of tags that alerts look at",
      type: "counter",
      samples: [[{}, this.readings]],
    };
  }
}
