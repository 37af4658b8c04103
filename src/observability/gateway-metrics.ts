import type { BrokerCounters } from "../broker/counters.ts";
import type { LinkCounters } from "../nats/link-types.ts";
import type { RunningDevice } from "../supervisor/device-fleet.ts";
import type { Labels, Metric } from "./exposition.ts";
import type { Histogram } from "./histogram.ts";
import { processMetrics } from "./process-metrics.ts";

/** Plain counters of one part: a number each, or numbers by reason. */
type Counter = number | Readonly<Record<string, number>>;

export interface MetricSources {
  readonly devices: ReadonlyMap<string, RunningDevice>;
  readonly readToNats: Histogram;
  readonly diskSync: Histogram;
  readonly link: LinkCounters;
  readonly broker: BrokerCounters;
  /** Devices' messages that are acknowledged once they are on disk. */
  readonly durable: object;
  readonly writes: Readonly<Record<string, number>>;
  /** Writes that were not done, by outcome and reason: `refused range`. */
  readonly writeReasons: ReadonlyMap<string, number>;
  /** Tags whose writer is watched over. */
  readonly writeHeartbeats: number;
  readonly audit: Readonly<Record<string, number>>;
  readonly reloads: Readonly<Record<string, number>>;
  readonly natsRestarts: number;
  /** Tags that have a last value. */
  readonly tags: number;
}

const deviceStates = ["connecting", "online", "offline", "stopped"] as const;

/** Counters that go up and down. */
const gauges = /(inFlight|^clients|^retained|^sessions|^queued)/;

/** `droppedRate` → `dropped_rate`. */
function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The counters of one part, such as `linegate_nats_published_total`. */
export function* partMetrics(part: string, counters: object): Generator<Metric> {
  for (const [key, value] of Object.entries(counters) as [string, Counter][]) {
    const gauge = gauges.test(key) && !key.endsWith("Total");
    const name = `linegate_${part}_${snake(key)}`.replace(/(_total)?$/, gauge ? "" : "_total");
    const samples: [Labels, number][] =
      typeof value === "number"
        ? [[{}, value]]
        : Object.entries(value).map(([reason, count]) => [{ reason }, count]);
    yield {
      name,
      help: `${part}: ${snake(key).replaceAll("_", " ")}`,
      type: gauge ? "gauge" : "counter",
      samples,
    };
  }
}

function* deviceMetrics(devices: ReadonlyMap<string, RunningDevice>): Generator<Metric> {
  const all = [...devices];
  const each = (pick: (device: RunningDevice) => number): [Labels, number][] =>
    all.map(([device, running]) => [{ device }, pick(running)]);
  const kinds = (
    label: string,
    pick: (device: RunningDevice) => ReadonlyMap<string, number>,
  ): [Labels, number][] =>
    all.flatMap(([device, running]) =>
      [...pick(running)].map(([kind, n]): [Labels, number] => [{ device, [label]: kind }, n]),
    );

  yield {
    name: "linegate_device_state",
    help: "1 for the state a device is in",
    type: "gauge",
    samples: all.flatMap(([device, { supervisor }]) =>
      deviceStates.map((state): [Labels, number] => [
        { device, state },
        supervisor.state.state === state ? 1 : 0,
      ]),
    ),
  };
  yield {
    name: "linegate_readings_total",
    help: "Readings published",
    type: "counter",
    samples: each((device) => device.normaliser.counters.readings),
  };
  yield {
    name: "linegate_bad_readings_total",
    help: "Readings published with quality bad",
    type: "counter",
    samples: each((device) => device.normaliser.counters.bad),
  };
  yield {
    name: "linegate_suppressed_samples_total",
    help: "Samples held back by a deadband",
    type: "counter",
    samples: each((device) => device.normaliser.counters.suppressed),
  };
  yield {
    name: "linegate_unknown_samples_total",
    help: "Samples that no mapping knows, or beyond what a wildcard may make",
    type: "counter",
    samples: each((device) => device.normaliser.counters.unknown),
  };
  yield {
    name: "linegate_requests_total",
    help: "Requests answered by devices",
    type: "counter",
    samples: kinds("kind", (device) => device.traffic.requests),
  };
  yield {
    name: "linegate_faults_total",
    help: "What went wrong with devices, by kind",
    type: "counter",
    samples: kinds("kind", (device) => device.traffic.faults),
  };
  yield {
    name: "linegate_round_trip_seconds",
    help: "Round trip of requests to devices",
    type: "histogram",
    samples: all.map(([device, { traffic }]) => [{ device }, traffic.roundTrip]),
  };
}

/** Every figure of the gateway, read at the moment of the scrape. */
export function* gatewayMetrics(sources: MetricSources): Generator<Metric> {
  yield* deviceMetrics(sources.devices);
  yield {
    name: "linegate_read_to_nats_seconds",
    help: "From a sample's arrival to its hand-over to NATS",
    type: "histogram",
    samples: [[{}, sources.readToNats]],
  };
  yield {
    name: "linegate_disk_sync_seconds",
    help: "What the disk takes to sync a commit: decisions and durable messages wait for it",
    type: "histogram",
    samples: [[{}, sources.diskSync]],
  };
  yield {
    name: "linegate_tags",
    help: "Tags with a last value",
    type: "gauge",
    samples: [[{}, sources.tags]],
  };
  yield* partMetrics("nats", sources.link);
  yield* partMetrics("nats", { serverRestarts: sources.natsRestarts });
  yield* partMetrics("broker", sources.broker);
  yield* partMetrics("durable", sources.durable);
  yield {
    name: "linegate_writes_total",
    help: "Writes asked for, by outcome",
    type: "counter",
    samples: Object.entries(sources.writes).map(([outcome, n]) => [
      { outcome: outcome === "writes" ? "written" : outcome },
      n,
    ]),
  };
  yield {
    name: "linegate_writes_not_done_total",
    help: "Writes that were not done or not confirmed, by outcome and reason",
    type: "counter",
    samples: [...sources.writeReasons].map(([counted, n]) => {
      const [outcome = "", reason = ""] = counted.split(" ");
      return [{ outcome, reason }, n];
    }),
  };
  yield {
    name: "linegate_write_heartbeats",
    help: "Tags whose writer is watched over: it writes again in time, or the fail-safe value is written",
    type: "gauge",
    samples: [[{}, sources.writeHeartbeats]],
  };
  yield* partMetrics("audit", sources.audit);
  yield {
    name: "linegate_reloads_total",
    help: "Edited mapping folders, by what became of them",
    type: "counter",
    samples: Object.entries(sources.reloads).map(([outcome, n]) => [{ outcome }, n]),
  };
  yield* processMetrics("the gateway process, without nats-server");
}
