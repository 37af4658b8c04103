import type { Metric } from "../../observability/exposition.ts";
import type { FolderChange, OrderOutcome } from "./journal.ts";

/** What became of orders since the start, by outcome. */
export type PushCounts = Record<OrderOutcome["outcome"], number>;

/** How it stands with what the hub puts. */
export function* pushMetrics(counts: PushCounts, change: FolderChange | undefined): Generator<Metric> {
  yield {
    name: "linegate_push_orders_total",
    help: "Orders of the hub that were dealt with, by outcome",
    type: "counter",
    samples: Object.entries(counts).map(([outcome, count]) => [{ outcome }, count]),
  };
  yield {
    name: "linegate_push_on_trial",
    help: "1 while a change of the hub's is in force that is taken back unless the hub is reached",
    type: "gauge",
    samples: [[{}, change?.state === "trial" ? 1 : 0]],
  };
}
