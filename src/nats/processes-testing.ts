import { readFileSync, readdirSync } from "node:fs";

/** What proc(5) says of a process in `status`; undefined of one that is not there. */
function statusOf(pid: number | string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return undefined;
  }
}

/** True while a process runs; one that has ended and was not waited for (Z, proc(5)) does not. */
export function isRunning(pid: number | undefined): boolean {
  const status = pid === undefined ? undefined : statusOf(pid);
  return status !== undefined && !/^State:\s+Z/m.test(status);
}

/** Resident memory in MB; 0 of a process that is not there. */
export function residentMb(pid: number | undefined): number {
  const status = pid === undefined ? undefined : statusOf(pid);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status ?? "")?.[1] ?? 0) / 1000;
}

/** The nats-server that a gateway runs as its child; undefined while it has none. */
export function natsServerOf(gatewayPid: number): number | undefined {
  const isServer = (name: string) => {
    const status = /^\d+$/.test(name) ? statusOf(name) : undefined;
    return status?.startsWith("Name:\tnats-server") === true && status.includes(`\nPPid:\t${gatewayPid}\n`);
  };
  const found = readdirSync("/proc").find(isServer);
  return found === undefined ? undefined : Number(found);
}

/** Sends a signal to a process that has to be there: none and 0, the tests' own group, are refused. */
export function signalTo(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined || pid <= 0) throw new Error(`There is no process to get ${signal}`);
  process.kill(pid, signal);
}
