import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { usage } from "../usage.ts";

const settleMs = 8_000;
const samples = 5;

/** RSS of gateway and nats-server, and the gateway's CPU, with the given number of tags polled each second. */
async function measure(tags: number, random: () => number) {
  await using site = await makeSite({ tags, interval: "1s", random });
  await using gateway = await runGateway(site.dir);
  return await usage(gateway, settleMs, samples);
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
