import { appendFileSync, closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { countSyncs, deviceBytes, writtenBytes } from "../disk-writes.ts";
import { runGateway } from "../gateway-process.ts";
import { makeSite } from "../made-site.ts";
import { round } from "../statistics.ts";

/** As a factory's: windows of a minute for most, of ten seconds and with percentiles, a counter's increase, a swinging door. */
const factoryUpload = `upload:
  tags:
    "#": { every: 1m }
    "+/zone0/#": { every: 15m, values: [increase, last] }
    "+/zone1/#": { every: 10s, values: [mean, min, max, p95, count] }
    "+/zone2/value2": { swingingDoor: 0.5, atLeastEvery: 5m }
`;
const settleMs = 25_000;
const readingsPerSecond = 1_000;
/** Of a log that is synced with each reading so many are written; of one that is synced with each thousand, so many thousands. */
const logged = 3_000;
const cardBytes = 32e9;
const cycles = 3_000;
const yearSeconds = 31_557_600;

interface Wear {
  /** Of the processes, as the kernel counts it: without the file system's journal. */
  readonly bytes: number;
  /** Of the whole disk; undefined where it can't be told. */
  readonly deviceBytes: number | undefined;
  readonly syncs: number | undefined;
}

function perSecond({ bytes, deviceBytes: device, syncs }: Wear, seconds: number) {
  return {
    kBPerSecond: round(bytes / seconds / 1e3, 2),
    deviceKBPerSecond: device === undefined ? undefined : round(device / seconds / 1e3, 2),
    syncsPerSecond: syncs === undefined ? undefined : round(syncs / seconds, 3),
    cardYears: round((cardBytes * cycles * seconds) / (Math.max(1, device ?? bytes) * yearSeconds), 2),
  };
}

/** What the running gateway and its nats-server write and sync, over so many seconds. */
async function gatewayWear(tags: number, measureMs: number, upload: string, random: () => number) {
  await using site = await makeSite({ tags, interval: "1s", random });
  appendFileSync(join(site.dir, "gateway.yaml"), upload);
  await using gateway = await runGateway(site.dir);
  await delay(settleMs);
  const nats = gateway.natsPid() ?? 0;
  const counts = [await countSyncs(gateway.pid), await countSyncs(nats)];
  const written = () => [writtenBytes(gateway.pid), writtenBytes(nats)];
  const [before, deviceBefore, since] = [written(), deviceBytes(site.dir), performance.now()];
  await delay(measureMs);
  const [after, deviceAfter] = [written(), deviceBytes(site.dir)];
  const seconds = (performance.now() - since) / 1_000;
  const syncs: (number | undefined)[] = [];
  for (const count of counts) syncs.push(await count.end());
  const each = [0, 1].map((one) => ({
    bytes: (after[one] ?? 0) - (before[one] ?? 0),
    deviceBytes: undefined,
    syncs: syncs[one],
  }));
  const device =
    deviceAfter === undefined || deviceBefore === undefined ? undefined : deviceAfter - deviceBefore;
  const known = syncs.filter((count) => count !== undefined);
  const together: Wear = {
    bytes: each.reduce((sum, { bytes }) => sum + bytes, 0),
    deviceBytes: device,
    syncs: known.length === syncs.length ? known.reduce((sum, count) => sum + count, 0) : undefined,
  };
  const [ofGateway, ofNats] = each.map((one) => {
    const { kBPerSecond, syncsPerSecond } = perSecond(one, seconds);
    return { kBPerSecond, syncsPerSecond };
  });
  return {
    seconds: round(seconds, 0),
    gateway: ofGateway,
    nats: ofNats,
    together: perSecond(together, seconds),
  };
}

/** A plain log: a JSON line a reading, synced after so many; its figures at 1,000 readings a second. */
async function logWear(readings: number, readingsPerSync: number) {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-log-"));
  const file = openSync(join(dir, "readings.log"), "a");
  const [before, deviceBefore, since] = [writtenBytes(process.pid), deviceBytes(dir), performance.now()];
  let lines = "";
  for (let reading = 1; reading <= readings; reading++) {
    const value = 100 + (reading % 500) / 10;
    lines += `{"tag":"plc-0/zone1/value${reading % 1_000}","value":${value},"quality":"good","timestamp":${Date.now()}}\n`;
    if (reading % readingsPerSync === 0) {
      writeSync(file, lines);
      fsyncSync(file);
      lines = "";
      // The rest of the process goes first now and then.
      if (reading % readingsPerSecond === 0) await delay(0);
    }
  }
  const took = (performance.now() - since) / 1_000;
  const deviceAfter = deviceBytes(dir);
  const wear: Wear = {
    bytes: writtenBytes(process.pid) - before,
    deviceBytes:
      deviceAfter === undefined || deviceBefore === undefined ? undefined : deviceAfter - deviceBefore,
    syncs: readings / readingsPerSync,
  };
  closeSync(file);
  rmSync(dir, { recursive: true, force: true });
  return {
    ...perSecond(wear, readings / readingsPerSecond),
    /** What this disk could do at all. */
    mostReadingsPerSecond: round(readings / took, 0),
  };
}

/** What wears flash out: bytes written and syncs a second, beside a plain log of each reading in the same run. */
export async function flashWear(random: () => number) {
  return {
    flashWear: {
      tags1000: await gatewayWear(1_000, 120_000, factoryUpload, random),
      logSyncedEachReading: await logWear(logged, 1),
      logSyncedEachSecond: await logWear(logged * 20, readingsPerSecond),
      windows10000: await gatewayWear(10_000, 60_000, `upload: { tags: { "#": { every: 1m } } }\n`, random),
    },
  };
}
