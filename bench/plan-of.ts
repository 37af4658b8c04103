import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BusPlan } from "../src/adapter-kit/plan.ts";

const linegate = join(import.meta.dirname, "..", "bin", "linegate");

/** Requests of one round of the whole site, as `linegate plan` has them; the planner is proven against brute force. */
export async function planOf(dir: string): Promise<number> {
  const { stdout } = await promisify(execFile)(linegate, ["plan", dir, "--json"]);
  const { buses } = JSON.parse(stdout) as { buses: readonly BusPlan[] };
  const groups = buses.flatMap((bus) => bus.devices.flatMap((device) => device.groups));
  return groups.reduce((sum, group) => sum + group.requests.length, 0);
}
