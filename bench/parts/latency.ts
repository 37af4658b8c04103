import { setTimeout as delay } from "node:timers/promises";
import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { LiveProbe } from "../live-probe.ts";

const otherTags = 1_000;
const settleMs = 3_000;
const measureMs = 10_000;

/** From the answer that carries a register to its receipt by a NATS subscriber in another process, with other traffic. */
export async function latencies(random: () => number) {
  await using site = await makeSite({ tags: otherTags, interval: "1s", random });
  await using probe = await LiveProbe.prepare(site);
  await using gateway = await runGateway(site.dir);
  await delay(settleMs);
  await probe.follow(gateway);
  const since = performance.now();
  await delay(measureMs);
  return { latencyMs: { readToNats: probe.took(since) } };
}
