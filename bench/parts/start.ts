import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { subscribeEarly } from "../nats-client.ts";
import { median, round } from "../statistics.ts";

const runs = 5;

/** From the spawn of the process to the first reading at a NATS subscriber, in ms: the median of five. */
export async function start(random: () => number) {
  await using site = await makeSite({ tags: 1_000, interval: "100ms", random });
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    await using gateway = await runGateway(site.dir);
    await using client = await subscribeEarly(gateway.nats, "data.>");
    times.push((await client.firstAt) - gateway.spawnedAt);
  }
  return { startMs: round(median(times), 0), startMsAll: times.map((time) => round(time, 0)) };
}
