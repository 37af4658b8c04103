import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { planOf } from "../plan-of.ts";
import { setTimeout as delay } from "node:timers/promises";

const cycles = 5;

/** Requests that devices got in a number of cycles, against the least that could do under the cost model. */
export async function requests(random: () => number) {
  await using site = await makeSite({ tags: 1_000, interval: "1s", random });
  const optimum = (await planOf(site.dir)) * cycles;
  await using _gateway = await runGateway(site.dir);
  const count = () => site.simulators.reduce((sum, simulator) => sum + simulator.requestCount, 0);
  await delay(1_500);
  const before = count();
  await delay(cycles * 1_000);
  return { requests: { sent: count() - before, optimum } };
}
