import { execFileSync } from "node:child_process";
import { pathToFileURL } from "node:url";
import { join } from "node:path";
import { sparkplugAdapter } from "../../adapters/sparkplug/adapter.ts";
import { encodePayload, type MetricToSend } from "../../adapters/sparkplug/encode.ts";
import type { SparkplugDeviceMapping } from "../../adapters/sparkplug/mapping.ts";
import { messageTopic, type MessageType } from "../../adapters/sparkplug/topic.ts";
import { BusRegistry } from "../../src/adapter-kit/bus.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import type { AdapterContext, BrokerMessage } from "../../src/adapter-kit/index.ts";
import { ms } from "../../src/domain/duration.ts";
import { median, round } from "../statistics.ts";
import { idleSurroundings } from "../../src/supervisor/testing.ts";

const metrics = 10_000;
const perMessage = 100;
const messages = 5_000;
const runs = 3;
const id = { group: "bench", node: "edge" };
const flags = ["--max-semi-space-size=1", "--heap-growing-percent=50"];

const device: SparkplugDeviceMapping = {
  device: "machine",
  adapter: "sparkplug",
  connection: { ...id, device: "machine", hostId: "bench", reorder: ms(500), rebirth: ms(5_000) },
  options: {},
  tags: Array.from({ length: metrics }, (_, index) => ({
    name: `tag/${index}`,
    options: { metric: `Metric/${index}` },
    value: { kind: "float" },
    scale: 1,
    offset: 0,
  })),
};

/** The adapter with 10,000 tags, fed by hand. */
function fed() {
  let samples = 0;
  let faults = 0;
  let onMessage: (message: BrokerMessage) => void = () => undefined;
  const buses = new BusRegistry();
  const nothing = () => undefined;
  const context: AdapterContext = {
    log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    clock: systemClock,
    phase: 0,
    gateway: "bench-gw",
    metrics: { request: nothing, fault: () => void (faults += 1) },
    broker: {
      subscribe: (filter, take) => {
        if (!filter.includes("STATE")) onMessage = take;
        return nothing;
      },
      publish: nothing,
      onClient: () => nothing,
    },
    emit: (batch) => void (samples += batch.length),
    lost: nothing,
    event: nothing,
    watch: () => nothing,
    images: idleSurroundings.images,
    files: idleSurroundings.files,
    trace: nothing,
    bus: (key, create) => buses.lease(key, create),
  };
  const send = (type: MessageType, payload: Buffer, to?: string) =>
    onMessage({ topic: messageTopic(id, type, to), payload, retain: false, qos: 0 });
  return { context, send, counts: () => ({ samples, faults }) };
}

function metric(index: number, birth: boolean): MetricToSend {
  const value = { alias: index, timestamp: 1_795_370_000_123, type: "float64", value: index / 8 } as const;
  return birth ? { name: `Metric/${index}`, ...value } : value;
}

/** Metrics a second from payload to sample, and the heap in MB that a birth of 10,000 metrics leaves. */
async function measure() {
  const { context, send, counts } = fed();
  const adapter = sparkplugAdapter.create(device, context);
  const stop = new AbortController();
  await adapter.connect(stop.signal);
  const ran = adapter.run(stop.signal).catch(() => undefined);
  const all = Array.from({ length: metrics }, (_, index) => metric(index, true));
  const before = process.memoryUsage().heapUsed;
  send("NBIRTH", encodePayload({ timestamp: 1, seq: 0, metrics: [] }));
  send("DBIRTH", encodePayload({ timestamp: 1, seq: 1, metrics: all }), "machine");
  const heapMb = (process.memoryUsage().heapUsed - before) / 1e6;
  const data = Array.from({ length: 256 }, (_, seq) => {
    const first = (seq * perMessage) % metrics;
    const some = Array.from({ length: perMessage }, (_, index) => metric((first + index) % metrics, false));
    return encodePayload({ timestamp: 1, seq, metrics: some });
  });
  const began = performance.now();
  for (let sent = 0; sent < messages; sent += 1)
    send("DDATA", data[(sent + 2) % 256] ?? Buffer.alloc(0), "machine");
  const seconds = (performance.now() - began) / 1_000;
  stop.abort();
  await ran;
  await adapter.close();
  const { samples, faults } = counts();
  return {
    perSecond: (messages * perMessage) / seconds,
    heapMb,
    sound: samples === metrics + messages * perMessage && faults === 0,
  };
}

/** Loaded first, so that what strips types is not counted. */
const kit = urlOf("src/adapter-kit/index.ts");

function urlOf(path: string): string {
  return pathToFileURL(join(import.meta.dirname, "../..", path)).href;
}

/** What importing a module costs a fresh process in RSS, in MB. */
function importCost(module: string): number {
  const script = `await import(${JSON.stringify(kit)}); const before = process.memoryUsage().rss; await import(${JSON.stringify(module)}); console.log((process.memoryUsage().rss - before) / 1e6)`;
  const costs = Array.from({ length: 5 }, () =>
    Number(
      execFileSync(process.execPath, [...flags, "--input-type=module", "-e", script], { encoding: "utf8" }),
    ),
  );
  return round(median(costs), 1);
}

/** The Sparkplug adapter at 10,000 tags, and its own reader of payloads beside protobufjs. */
export async function sparkplug() {
  const all = [];
  for (let run = 0; run < runs; run += 1) all.push(await measure());
  const own = urlOf("adapters/sparkplug/payload.ts");
  return {
    sparkplug: {
      metricsPerSecond: round(median(all.map(({ perSecond }) => perSecond)), 0),
      birthHeapMb: round(median(all.map(({ heapMb }) => heapMb)), 1),
      nothingLost: all.every(({ sound }) => sound),
      importRssMb: {
        own: importCost(own),
        protobufjsMinimal: importCost("protobufjs/minimal.js"),
        empty: importCost("node:path"),
      },
    },
  };
}
