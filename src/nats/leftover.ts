import { readFile } from "node:fs/promises";
import type { Clock } from "../adapter-kit/clock.ts";
import { GatewayError } from "../domain/errors.ts";

const pollMs = 10;
const goneWithinMs = 5_000;

/** The text of the file that names the running server and the gateway that started it. */
export function pidFileText(serverPid: number, gatewayPid: number): string {
  return `${serverPid} ${gatewayPid}\n`;
}

/**
 * Kills the nats-server of an earlier gateway that is gone: the one that `pidFile` names, where it was started with
 * `configFile`. Returns its pid, or undefined where there was none. Rejects with CONFIG_INVALID where the gateway that
 * started it is alive: two gateways must not share a store.
 */
export async function killLeftover(
  pidFile: string,
  configFile: string,
  clock: Clock,
): Promise<number | undefined> {
  const [serverPid, gatewayPid] = (await readText(pidFile)).split(/\s+/).map(Number);
  if (serverPid === undefined || !Number.isInteger(serverPid) || serverPid <= 1) return undefined;
  if (!(await readText(`/proc/${serverPid}/cmdline`)).split("\0").includes(configFile)) return undefined;
  if ((await parentOf(serverPid)) === gatewayPid) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `Another gateway (process ${gatewayPid}) is running on this folder. Stop it first, or give this one its own nats.embedded.store`,
      { context: { gatewayPid, serverPid } },
    );
  }
  kill(serverPid);
  const deadline = clock.monotonic() + goneWithinMs;
  while (await isAlive(serverPid)) {
    if (clock.monotonic() > deadline) {
      throw new GatewayError("INTERNAL", `A left-over nats-server (process ${serverPid}) can't be ended`);
    }
    await clock.sleep(pollMs);
  }
  return serverPid;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (caught) {
    if ((caught as NodeJS.ErrnoException).code !== "ESRCH") throw caught;
  }
}

/** proc(5): the state and the parent follow the name, which stands in parentheses and may hold anything. */
async function statFields(pid: number): Promise<readonly string[]> {
  const text = await readText(`/proc/${pid}/stat`);
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

async function parentOf(pid: number): Promise<number> {
  return Number((await statFields(pid))[1]);
}

async function isAlive(pid: number): Promise<boolean> {
  const state = (await statFields(pid))[0];
  return state !== undefined && state !== "" && state !== "Z";
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return "";
  }
}
