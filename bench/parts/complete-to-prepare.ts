import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { commits, lateBy } from "../references.ts";
import { latency } from "../statistics.ts";
import { TimedLine } from "../timed-line.ts";

/** Read once a second each: the other traffic, readings a second. */
const otherTags = 10_000;
const settleMs = 5_000;
const measureMs = 20_000;

/**
 * From a part finished, as a PLC answers a read or a vehicle publishes it, to the next station's prepare at a NATS subscriber in
 * another process, and to the coil that it writes arriving at a PLC; with 10,000 other readings a second.
 */
export async function completeToPrepare(random: () => number) {
  await using site = await makeSite({ tags: otherTags, interval: "1s", random });
  await using line = await TimedLine.prepare(site);
  await using gateway = await runGateway(site.dir);
  await line.drive(gateway);
  await delay(settleMs);
  const from = performance.now();
  // How late this process itself is: the figures can be no better than that.
  const lateness = monitorEventLoopDelay({ resolution: 1 });
  lateness.enable();
  await delay(measureMs);
  lateness.disable();
  const reference = latency(commits(site.dir));
  return {
    latencyMs: { ...line.took(from), reference: { storeCommit: reference, observerLate: lateBy(lateness) } },
  };
}
