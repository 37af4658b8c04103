import type { BusPlan } from "../adapter-kit/plan.ts";
import { adapterRegistry } from "../adapter-registry.ts";
import { loadSite } from "../config/load-site.ts";
import type { Site } from "../config/site.ts";
import { issueReport } from "./issue-text.ts";
import { planReport } from "./plan-report.ts";
import { siteArguments } from "./site-arguments.ts";

const usage = `linegate plan DIR [--json]

Prints, for each bus of a site folder, the requests that will be sent, what they cost, how much of the time the bus is
busy, how long one round of all takes, and which poll rates can't be met and why. No device is asked for anything.

  --json  one object for tools: {"ok":…,"buses":[…]}`;

/** What each adapter in use would send to its buses; adapters that send nothing of their own have no plan. */
async function plansOf(site: Site): Promise<readonly BusPlan[]> {
  const byAdapter = Map.groupBy(site.devices, (device) => device.adapter);
  const plans = await Promise.all(
    [...byAdapter].map(async ([name, devices]) => {
      const adapter = await adapterRegistry[name]?.load();
      return adapter?.plan?.(devices) ?? [];
    }),
  );
  return plans.flat();
}

/** `linegate plan DIR`: the requests that will be sent, and what they cost. */
export async function run(args: readonly string[]): Promise<number> {
  const given = siteArguments("plan", args);
  if (given === undefined) {
    console.log(usage);
    return 0;
  }
  const { dir, json } = given;
  const loaded = await loadSite(dir);
  if (!loaded.ok) {
    const { issues } = loaded;
    console.log(json ? JSON.stringify({ ok: false, issues }) : issueReport(dir, issues));
    return 1;
  }
  const buses = await plansOf(loaded.site);
  if (json) {
    console.log(JSON.stringify({ ok: true, buses }));
    return 0;
  }
  const planned = new Set(buses.flatMap((bus) => bus.devices.map((device) => device.device)));
  const silent = loaded.site.devices.map((device) => device.device).filter((name) => !planned.has(name));
  console.log(planReport(buses, silent));
  return 0;
}
