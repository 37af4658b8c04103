import type { Metric, Labels } from "../../observability/exposition.ts";
import { Histogram, insideMs, roundTripMs } from "../../observability/histogram.ts";
import type { Effect } from "./state.ts";

interface Route {
  readonly labels: Labels;
  readonly prepare: Histogram;
  readonly confirm: Histogram;
}

/** What the line does, in figures: latencies by route, events by station. */
export class Latencies {
  readonly #routes = new Map<string, Route>();
  readonly #events = new Map<string, { readonly labels: Labels; count: number }>();
  /** Readings of tags that line.yaml names. */
  readings = 0;

  /** From the source's read to the prepare being sent, in ms. */
  prepared(from: string, to: string, latencyMs: number): void {
    this.#route(from, to).prepare.observe(latencyMs);
  }

  /** Counts an event that went out; a confirmation's latency goes to its route. */
  told({ station, event, fields, repeated }: Effect): void {
    // Sent twice is still one event.
    if (repeated === true) return;
    const key = `${station} ${event}`;
    const counted = this.#events.get(key) ?? { labels: { station, event }, count: 0 };
    counted.count += 1;
    this.#events.set(key, counted);
    const { from, latencyMs } = fields;
    if (event === "confirmed" && typeof latencyMs === "number" && typeof from === "string")
      this.#route(from, station).confirm.observe(latencyMs);
  }

  *metrics(): Generator<Metric> {
    const routes = [...this.#routes.values()];
    yield {
      name: "linegate_line_prepare_seconds",
      help: "From the source's read to the prepare being sent",
      type: "histogram",
      samples: routes.map(({ labels, prepare }) => [labels, prepare]),
    };
    yield {
      name: "linegate_line_confirm_seconds",
      help: "From the source's read that began it to the read that confirmed the prepare",
      type: "histogram",
      samples: routes.map(({ labels, confirm }) => [labels, confirm]),
    };
    yield {
      name: "linegate_line_events_total",
      help: "Line events by station; late ones are breaches of `within`",
      type: "counter",
      samples: [...this.#events.values()].map(({ labels, count }) => [labels, count]),
    };
    yield {
      name: "linegate_line_readings_total",
      help: "Readings of tags that line.yaml names",
      type: "counter",
      samples: [[{}, this.readings]],
    };
  }

  #route(from: string, to: string): Route {
    const key = `${from} ${to}`;
    const known = this.#routes.get(key);
    if (known !== undefined) return known;
    const prepare = new Histogram(insideMs);
    const made = { labels: { from, to }, prepare, confirm: new Histogram(roundTripMs) };
    this.#routes.set(key, made);
    return made;
  }
}
