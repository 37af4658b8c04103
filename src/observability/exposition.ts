import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

/** One family of figures, as Prometheus scrapes it. */
export type Metric = { readonly name: string; readonly help: string } & (
  | { readonly type: "counter" | "gauge"; readonly samples: Iterable<readonly [Labels, number]> }
  /** In ms inside, in seconds on the page, as Prometheus has it. */
  | { readonly type: "histogram"; readonly samples: Iterable<readonly [Labels, Histogram]> }
);

/** The content type of the page. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function labelled(name: string, labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`;
}

function* histogramLines(name: string, labels: Labels, histogram: Histogram): Generator<string> {
  let cumulated = 0;
  for (const [index, bound] of histogram.bounds.entries()) {
    cumulated += histogram.counts[index] ?? 0;
    yield `${labelled(`${name}_bucket`, { ...labels, le: String(bound / 1000) })} ${cumulated}`;
  }
  yield `${labelled(`${name}_bucket`, { ...labels, le: "+Inf" })} ${histogram.count}`;
  yield `${labelled(`${name}_sum`, labels)} ${histogram.sum / 1000}`;
  yield `${labelled(`${name}_count`, labels)} ${histogram.count}`;
}

/** The page in Prometheus' text format 0.0.4. */
export function renderMetrics(metrics: Iterable<Metric>): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    lines.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`);
    if (metric.type === "histogram") {
      for (const [labels, histogram] of metric.samples)
        lines.push(...histogramLines(metric.name, labels, histogram));
    } else {
      for (const [labels, value] of metric.samples) lines.push(`${labelled(metric.name, labels)} ${value}`);
    }
  }
  return `${lines.join("\n")}\n`;
}
