import { setImmediate as turn } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import type { AdapterContext, AdapterModule } from "../src/adapter-kit/adapter.ts";
import { systemClock } from "../src/adapter-kit/clock.ts";
import type { DeviceMapping } from "../src/adapter-kit/mapping.ts";
import { loadSiteApart } from "../src/config/load-site-apart.ts";
import { Gateway } from "../src/gateway.ts";
import { seededRandom } from "./statistics.ts";

/** Run as a process of its own: a site folder, the number of readings, the seed. Prints one JSON object. */
const [dir = "", count = "1000000", seed = "1"] = process.argv.slice(2);

const tags = 10_000;
const batch = 500;
/** Below the limit at which the link drops: this measures what gets through. */
const mostInFlight = 4_000_000;

const loaded = await loadSiteApart(dir);
if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));

const device: DeviceMapping = {
  device: "synthetic",
  adapter: "synthetic",
  connection: {},
  options: {},
  tags: Array.from({ length: tags }, (_, index) => ({
    name: `zone${index % 10}/value${index}`,
    options: {},
    value: { kind: "float", single: true },
    scale: 0.1,
    offset: 0,
    unit: "bar",
  })),
};
const started = Promise.withResolvers<AdapterContext>();
const synthetic: AdapterModule = {
  name: "synthetic",
  dialsIn: () => true,
  create: (_, context) => ({
    connect: async () => {},
    run: (signal) => {
      started.resolve(context);
      return new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    },
    close: async () => {},
  }),
};
const quiet = { debug: () => {}, info: () => {}, warn: console.error, error: console.error };
const gateway = new Gateway(
  { ...loaded.site, devices: [device] },
  {
    log: quiet,
    clock: systemClock,
    random: Math.random,
    searchPath: process.env["PATH"] ?? "",
    loadAdapter: async () => synthetic,
  },
);
await gateway.start();
const context = await started.promise;

function figure(name: string): number {
  for (const metric of gateway.metrics()) {
    if (metric.name === name && metric.type !== "histogram")
      for (const [, value] of metric.samples) return value;
  }
  return Number.NaN;
}

const random = seededRandom(Number(seed));
const raw = Float32Array.from({ length: tags }, () => 1000 + random() * 500);
let at = 0;
function emitBatch(): void {
  const samples = [];
  for (let i = 0; i < batch; i++) {
    raw[at] = (raw[at] ?? 0) + random() - 0.5;
    samples.push({ tag: device.tags[at]?.name ?? "", value: raw[at] ?? 0, quality: "good" } as const);
    at = (at + 1) % tags;
  }
  context.emit(samples);
}

async function emitAll(readings: number): Promise<void> {
  for (let done = 0; done < readings; done += batch) {
    emitBatch();
    await turn();
    if (done % 4_000 !== 0) continue;
    while (figure("linegate_nats_in_flight_bytes") > mostInFlight) await turn();
  }
}

/** Publishes as many payloads of the same size as there will be readings, and nothing else. */
async function clientAlone(messages: number): Promise<number> {
  const client = await connect({ servers: gateway.addresses.nats, noAsyncTraces: true });
  const payload = Buffer.from(
    `{"value":182.4,"quality":"good","timestamp":1795370000123,"unit":"bar","sequence":4711}`,
  );
  const since = performance.now();
  for (let done = 0; done < messages; done += batch) {
    for (let i = 0; i < batch; i++) client.publish("reference.zone1.value1", payload);
    if (done % 20_000 === 0) await client.flush();
    else await turn();
  }
  await client.flush();
  const perSecond = messages / ((performance.now() - since) / 1000);
  await client.close();
  return Math.round(perSecond);
}

await emitAll(100_000);
await clientAlone(100_000);
const natsClientAlonePerSecond = await clientAlone(Number(count));
const publishedBefore = figure("linegate_nats_published_total");
const cpuBefore = process.cpuUsage();
const began = performance.now();
await emitAll(Number(count));
const tookMs = performance.now() - began;
const { user, system } = process.cpuUsage(cpuBefore);
const published = figure("linegate_nats_published_total") - publishedBefore;
console.log(
  JSON.stringify({
    readings: Number(count),
    published,
    readingsPerSecond: Math.round(published / (tookMs / 1000)),
    cpuSecondsPerMillion: Math.round(((user + system) / published) * 1000) / 1000,
    natsClientAlonePerSecond,
  }),
);
await gateway.stop();
