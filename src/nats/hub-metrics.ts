import type { Metric } from "../observability/exposition.ts";
import type { HubLink } from "./hub-link.ts";

/** How the link to the hub stands, read at the moment of the scrape. */
export function* hubMetrics({ status, counters }: Pick<HubLink, "status" | "counters">): Generator<Metric> {
  const gauge = (name: string, help: string, value: number): Metric => ({
    name: `linegate_hub_${name}`,
    help,
    type: "gauge",
    samples: [[{}, value]],
  });
  yield gauge("connected", "1 while the embedded server is connected to the hub", status.connected ? 1 : 0);
  yield gauge(
    "since_seconds",
    "When it was connected, or was lost: seconds since the Unix epoch",
    status.since / 1e3,
  );
  if (status.roundTripMs !== undefined) {
    yield gauge("round_trip_seconds", "Round trip to the hub", status.roundTripMs / 1e3);
  }
  yield gauge("sent_messages", "Messages to the hub over the present connection", counters.sentMessages);
  yield gauge(
    "received_messages",
    "Messages from the hub over the present connection",
    counters.receivedMessages,
  );
  yield {
    name: "linegate_hub_connects_total",
    help: "Connections to the hub",
    type: "counter",
    samples: [[{}, counters.connects]],
  };
  if (counters.droppedLive !== undefined) {
    yield {
      name: "linegate_hub_live_dropped_total",
      help: "Live readings and states that could not be sent to the hub at once",
      type: "counter",
      samples: [[{}, counters.droppedLive]],
    };
  }
}
