import { setTimeout as delay } from "node:timers/promises";
import type { GatewayProcess } from "./gateway-process.ts";
import { median, round } from "./statistics.ts";

/** What a gateway takes once it has settled: RSS in MB, medians of as many seconds, and cores over them. */
export async function usage(gateway: GatewayProcess, settleMs: number, samples: number) {
  await delay(settleMs);
  const cpuBefore = gateway.cpuSeconds();
  const seen: { gateway: number; nats: number }[] = [];
  for (let sample = 0; sample < samples; sample++) {
    await delay(1_000);
    seen.push(gateway.rssMb());
  }
  return {
    gateway: round(median(seen.map((rss) => rss.gateway)), 1),
    nats: round(median(seen.map((rss) => rss.nats)), 1),
    gatewayCores: round((gateway.cpuSeconds() - cpuBefore) / samples, 3),
  };
}
