import type { Metric } from "./exposition.ts";

/** What this process takes. @param whose `the gateway process, without nats-server` */
export function* processMetrics(whose: string): Generator<Metric> {
  yield {
    name: "process_resident_memory_bytes",
    help: `RSS of ${whose}`,
    type: "gauge",
    samples: [[{}, process.memoryUsage.rss()]],
  };
  const { user, system } = process.cpuUsage();
  yield {
    name: "process_cpu_seconds_total",
    help: `CPU time of ${whose}`,
    type: "counter",
    samples: [[{}, (user + system) / 1e6]],
  };
}
