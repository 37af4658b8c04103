import { execFile } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { connect, headers as natsHeaders } from "@nats-io/transport-node";
import type { OutgoingMessage } from "../../src/store/state-store.ts";
import { madeBatches } from "../made-batches.ts";
import { diskBytes } from "../disk-writes.ts";
import { runGateway, type GatewayProcess } from "../gateway-process.ts";
import { HubProcess } from "../hub-process.ts";
import { LiveProbe } from "../live-probe.ts";
import { makeSite } from "../made-site.ts";
import { missingAt, streamState } from "../nats-client.ts";
import { lateBy } from "../references.ts";
import { median, round } from "../statistics.ts";

const tags = 1_000;
/** So much of the day is made in full, and sent as often as it goes into one. */
const madeMinutes = 10;
const repeats = (24 * 60) / madeMinutes;
const settleMs = 8_000;
const linkedMs = 15_000;
const awayMs = 15_000;
const afterMs = 15_000;
const drainedWithinMs = 300_000;
const sampleMs = 250;
/** 16 Mbit/s: the drain lasts long enough for a p99 of what is read meanwhile. */
const slowBytesPerSecond = 2e6;
const program = join(import.meta.dirname, "..", "..", "bin", "linegate");
const run = promisify(execFile);

/** RSS of gateway and nats-server in MB, looked at four times a second. */
class Memory implements Disposable {
  readonly #seen: { readonly at: number; readonly gateway: number; readonly nats: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(gateway: GatewayProcess) {
    this.#timer = setInterval(() => this.#seen.push({ at: performance.now(), ...gateway.rssMb() }), sampleMs);
  }

  between(from: number, until: number) {
    const seen = this.#seen.filter(({ at }) => at >= from && at < until);
    const figures = (values: readonly number[]) => ({
      median: round(median(values), 1),
      max: round(Math.max(...values), 1),
    });
    return { gateway: figures(seen.map((s) => s.gateway)), nats: figures(seen.map((s) => s.nats)) };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Each part of the day is an epoch of its own, so that no id comes twice. */
async function pileUp(url: string, part: readonly OutgoingMessage[]): Promise<void> {
  const connection = await connect({ servers: url, noAsyncTraces: true });
  for (let number = 1; number <= repeats; number++) {
    for (const { subject, payload, headers = {} } of part) {
      const all = { ...headers, "Linegate-Epoch": `day-${number}` };
      const sent = natsHeaders();
      for (const [name, value] of Object.entries(all)) sent.set(name, value);
      sent.set("Nats-Msg-Id", `bench-gw:day-${number}:${headers["Linegate-Batch"]}`);
      await connection.request(subject, payload, { headers: sent, timeout: 20_000 });
    }
  }
  await connection.close();
}

async function outage(rawTags: number, bytesPerSecond: number | undefined, random: () => number) {
  const part = await madeBatches({
    gateway: "bench-gw",
    site: "bench/line1",
    minutes: madeMinutes,
    tags,
    rawTags,
    random,
  });
  const rows = part.reduce((sum, { headers }) => sum + Number(headers?.["Linegate-Count"]), 0) * repeats;
  await using hub = await HubProcess.start(bytesPerSecond);
  await using site = await makeSite({ tags, interval: "1s", random, maxBytes: "1GB" });
  appendFileSync(
    join(site.dir, "gateway.yaml"),
    `hub: { leaf: "nats-leaf://127.0.0.1:${hub.leafs}" }\nupload: { tags: { "#": { every: 1m } } }\n`,
  );
  const fleet = join(hub.dir, "fleet.yaml");
  writeFileSync(fleet, "gateways: [bench-gw]\n");
  await using probe = await LiveProbe.prepare(site);
  await using gateway = await runGateway(site.dir);
  const url = `nats://127.0.0.1:${hub.clients}`;
  await delay(settleMs);
  await run(program, ["hub", "apply", fleet, "--url", url]);
  await probe.follow(gateway);
  using memory = new Memory(gateway);
  const data = join(site.dir, "data");
  const missing = () => missingAt(url, gateway.nats, "BATCHES");

  const linkedAt = performance.now();
  await delay(linkedMs);
  const diskBefore = diskBytes(data);
  await hub.kill();
  const fillAt = performance.now();
  await pileUp(gateway.nats, part);
  const awayAt = performance.now();
  await delay(awayMs);
  const backlog = (await streamState(gateway.nats, "BATCHES")) ?? { messages: 0, bytes: 0 };
  const diskAway = diskBytes(data);
  const drainAt = performance.now();
  const lateness = monitorEventLoopDelay({ resolution: 1 });
  lateness.enable();
  await hub.start();
  const startedAt = performance.now();
  let linkedAgainAt = Number.NaN;
  let behind = Infinity;
  while (behind > 0 && performance.now() - drainAt < drainedWithinMs) {
    await delay(sampleMs);
    behind = await missing();
    if (Number.isNaN(linkedAgainAt) && behind < backlog.messages - 1) linkedAgainAt = performance.now();
  }
  const drainedAt = performance.now();
  lateness.disable();
  await delay(afterMs);
  const endAt = performance.now();
  const verify = await run(program, ["verify", "--hub", url]).then(
    () => "nothing missing, twice or out of order",
    (error: { stdout?: string }) => error.stdout ?? "failed",
  );
  return {
    batches: part.length * repeats,
    tags,
    rawTags,
    rows,
    backlogMessages: backlog.messages,
    backlogBytes: backlog.bytes,
    bytesPerRow: round(backlog.bytes / rows, 2),
    diskBytes: { linked: diskBefore, away: diskAway },
    rssMb: {
      linked: memory.between(linkedAt, fillAt),
      away: memory.between(awayAt, drainAt),
      draining: memory.between(drainAt, drainedAt),
      after: memory.between(drainedAt, endAt),
    },
    fillMs: round(awayAt - fillAt, 0),
    drainMs: {
      untilFirst: round(linkedAgainAt - startedAt, 0),
      untilAll: round(drainedAt - startedAt, 0),
      behindAtTheEnd: behind,
    },
    readToNatsMs: {
      linked: probe.took(linkedAt, fillAt),
      away: probe.took(awayAt, drainAt),
      draining: probe.took(linkedAgainAt - sampleMs, drainedAt),
      after: probe.took(drainedAt, endAt),
    },
    /** How late the observer itself was during the drain. */
    observerLateMs: lateBy(lateness),
    verify,
  };
}

/**
 * A day without the hub at 1,000 tags of 1 s, in little time: the batches of ten minutes are made by the gateway's own upload as fast as its
 * work takes, and put into the gateway's stream 144 times while the hub is gone and the gateway reads 1,000 other tags.
 */
export async function dayOutage(random: () => number) {
  return {
    dayOutage: {
      mixed: await outage(tags / 10, undefined, random),
      raw: await outage(tags, undefined, random),
      rawOverSlowLink: await outage(tags, slowBytesPerSecond, random),
    },
  };
}
