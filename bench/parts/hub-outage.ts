import { execFileSync } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { runGateway } from "../gateway-process.ts";
import { HubProcess } from "../hub-process.ts";
import { makeSite } from "../made-site.ts";
import { missingAt } from "../nats-client.ts";
import { round } from "../statistics.ts";
import { TimedLine } from "../timed-line.ts";

/** Read once a second each, and uploaded raw. */
const otherTags = 10_000;
const settleMs = 8_000;
const linkedMs = 15_000;
const awayMs = 30_000;
const drainMs = 15_000;
const drainedWithinMs = 60_000;
const program = join(import.meta.dirname, "..", "..", "bin", "linegate");

/** How the gateway reaches the hub. */
type Way = "leaf" | "forwarder";

/**
 * The line's latencies with the hub linked, with the hub gone and while what piled up drains into it: 10,000 readings a second
 * on the line, all of them uploaded.
 */
export async function hubOutage(random: () => number) {
  return { hubOutage: await outage(random, "leaf") };
}

/** The same through the gateway's own forwarder, which shares the gateway's process with the line. */
export async function hubOutageForwarded(random: () => number) {
  return { hubOutageForwarded: await outage(random, "forwarder") };
}

async function outage(random: () => number, way: Way) {
  await using hub = await HubProcess.start();
  await using site = await makeSite({ tags: otherTags, interval: "1s", random });
  appendFileSync(
    join(site.dir, "gateway.yaml"),
    `hub: { ${way === "leaf" ? `leaf: "nats-leaf://127.0.0.1:${hub.leafs}"` : `url: "nats://127.0.0.1:${hub.clients}"`} }\nupload: { tags: { "#": raw }, batch: { maxAge: 5s } }\n`,
  );
  const fleet = join(hub.dir, "fleet.yaml");
  writeFileSync(
    fleet,
    way === "leaf"
      ? "gateways: [bench-gw]\n"
      : "gateways: []\nforwarders: [{ gateway: bench-gw, site: bench/line1 }]\n",
  );
  await using line = await TimedLine.prepare(site);
  await using gateway = await runGateway(site.dir);
  const url = `nats://127.0.0.1:${hub.clients}`;
  await line.drive(gateway);
  await delay(settleMs);
  execFileSync(program, ["hub", "apply", fleet, "--url", url], { stdio: "ignore" });
  const linkedAt = performance.now();
  await delay(linkedMs);
  await hub.kill();
  const awayAt = performance.now();
  await delay(awayMs);
  await hub.start();
  const drainAt = performance.now();
  const backlog = await missingAt(url, gateway.nats, "BATCHES");
  await delay(drainMs);
  const endAt = performance.now();
  let behind = Infinity;
  while (behind > 0 && performance.now() - drainAt < drainedWithinMs) {
    await delay(200);
    behind = await missingAt(url, gateway.nats, "BATCHES");
  }
  return {
    linked: line.took(linkedAt, awayAt),
    away: line.took(awayAt, drainAt),
    draining: line.took(drainAt, endAt),
    backlogBatches: backlog,
    behindAtTheEnd: behind,
    drainedAfterMs: round(performance.now() - drainAt, 0),
  };
}
