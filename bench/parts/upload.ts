import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { simulateSite } from "../../simulators/site/simulate-site.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { prepareDemoSite } from "../../src/cli/demo-site.ts";
import { loadSiteApart } from "../../src/config/load-site-apart.ts";
import type { ActiveRule, BatchLimits } from "../../src/config/upload.ts";
import { byteSize } from "../../src/domain/byte-size.ts";
import { ms } from "../../src/domain/duration.ts";
import type { PublishedReading } from "../../src/domain/reading.ts";
import { Gateway } from "../../src/gateway.ts";
import { encodeBatch } from "../../src/services/upload/batch-codec.ts";
import { rowsOf, type Batch } from "../../src/services/upload/batch.ts";
import { unpackBatch } from "../../src/services/upload/pack.ts";
import { UploadPart } from "../../src/services/upload/upload-part.ts";
import type { OutgoingMessage } from "../../src/store/state-store.ts";
import { round } from "../statistics.ts";

const factory = join(import.meta.dirname, "../../mappings/factory");
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const raw: ActiveRule = { kind: "raw", stream: "telemetry" };
const limits: BatchLimits = { maxAge: ms(30_000), maxBytes: byteSize(256_000), maxReadings: 50_000 };
/** Batches of the usual age; the first has the values that are read once in it. */
const measuredBatches = 4;
const levels = [1, 3, 6, 9, 12, 19];

/**
 * Bytes that a raw reading of the factory demo takes in a batch of 30 s: all tags of its eleven simulated devices, as raw, with
 * sequence numbers, qualities and the times to the millisecond.
 */
export async function upload(_random: () => number, seed: number) {
  const loaded = await loadSiteApart(factory);
  if (!loaded.ok) throw new TypeError("the factory site has mistakes");
  const store = await mkdtemp(join(tmpdir(), "linegate-bench-"));
  try {
    await using simulation = await simulateSite(loaded.site, {
      host: "127.0.0.1",
      ports: "free-if-taken",
      seed,
    });
    const { site } = await prepareDemoSite(simulation.site, store, async () => false);
    return await measure(site, (broker) => simulation.dialIn({ broker }));
  } finally {
    await rm(store, { recursive: true, force: true });
  }
}

async function measure(site: Parameters<typeof prepareDemoSite>[0], dialIn: (broker: string) => void) {
  const environment = process.env;
  const searchPath = environment["PATH"] ?? "";
  const gateway = new Gateway(site, {
    log: quiet,
    clock: systemClock,
    random: Math.random,
    searchPath,
    environment,
  });
  const messages: OutgoingMessage[] = [];
  const { promise: measured, resolve: end } = Promise.withResolvers<void>();
  const rows = new Map<string, ActiveRule>();
  for (const { device, tags } of site.devices)
    for (const { name } of tags) rows.set(`${device}/${name}`, raw);
  const part = new UploadPart({
    gateway: site.gateway.gateway,
    site: site.gateway.site,
    readings$: gateway.readings$,
    store: {
      epoch: "bench",
      read: () => new Map(),
      change: async (_changes, out = []) => {
        messages.push(...out);
        if (messages.length >= measuredBatches) end();
        return "stored";
      },
      note: () => {},
    },
    clock: systemClock,
    log: quiet,
  });
  let jsonBytes = 0;
  gateway.readings$.subscribe(({ json, reading }: PublishedReading) => {
    jsonBytes += Buffer.byteLength(json) + reading.path.subject.length;
  });
  part.start({ upload: { tags: Object.fromEntries(rows), batch: limits } });
  await gateway.start();
  const { host, port } = gateway.addresses.broker.mqtt;
  dialIn(`mqtt://${host}:${port}`);
  await measured;
  const figures = figuresOf(messages.slice(0, measuredBatches), jsonBytes);
  await gateway.stop();
  await part.stop();
  return { upload: figures };
}

function figuresOf(messages: readonly OutgoingMessage[], jsonBytes: number) {
  const payloads = messages.map(({ payload }) => Buffer.from(payload));
  const batches = payloads.map((payload) => unpackBatch(payload));
  const readings = batches.reduce((sum, { series }) => sum + rowsOf(series), 0);
  const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
  return {
    bytesPerReading: round(bytes / readings, 3),
    ofBatches: batches.map(({ series }, index) => round((payloads[index]?.length ?? 0) / rowsOf(series), 3)),
    readings,
    batches: batches.length,
    tags: new Set(batches.flatMap(({ series }) => series.map(({ tag }) => tag))).size,
    asJsonBytesPerReading: round(jsonBytes / readings, 1),
    byLevel: Object.fromEntries(levels.map((level) => [level, ofLevel(batches, readings, level)])),
  };
}

function ofLevel(batches: readonly Batch[], readings: number, level: number) {
  const began = performance.now();
  const params = { [constants.ZSTD_c_compressionLevel]: level };
  let bytes = 0;
  for (const batch of batches) bytes += zstdCompressSync(encodeBatch(batch), { params }).length;
  return { bytesPerReading: round(bytes / readings, 3), ms: round(performance.now() - began, 1) };
}
