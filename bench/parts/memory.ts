import { setTimeout as delay } from "node:timers/promises";
import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { median, round } from "../statistics.ts";

const settleMs = 8_000;
const samples = 5;

/** RSS of gateway and nats-server, and the gateway's CPU, with the given number of tags polled each second. */
async function measure(tags: number, random: () => number) {
  await using site = await makeSite({ tags, interval: "1s", random });
  await using gateway = await runGateway(site.dir);
  await delay(settleMs);
  const cpuBefore = gateway.cpuSeconds();
  const seen: { gateway: number; nats: number }[] = [];
  for (let i = 0; i < samples; i++) {
    await delay(1_000);
    seen.push(gateway.rssMb());
  }
  const cores = (gateway.cpuSeconds() - cpuBefore) / samples;
  return {
    gateway: round(median(seen.map((rss) => rss.gateway)), 1),
    nats: round(median(seen.map((rss) => rss.nats)), 1),
    gatewayCores: round(cores, 3),
  };
}

export async function memory(random: () => number) {
  return {
    rssMb: {
      tags100: await measure(100, random),
      tags1000: await measure(1_000, random),
      tags10000: await measure(10_000, random),
    },
  };
}
