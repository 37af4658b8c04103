import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { natsServerOf, residentMb } from "../src/nats/processes-testing.ts";

const program = join(import.meta.dirname, "..", "bin", "linegate");
const startWithinMs = 20_000;
const stopWithinMs = 10_000;

/** The `run` command in a process of its own, as a user has it. */
export interface GatewayProcess extends AsyncDisposable {
  readonly pid: number;
  /** The URL for NATS clients. */
  readonly nats: string;
  /** The URL for MQTT clients. */
  readonly mqtt: string;
  /** `performance.now()` at the spawn. */
  readonly spawnedAt: number;
  /** The process of its nats-server; undefined while none runs. */
  natsPid(): number | undefined;
  /** Resident memory in MB, of the gateway and of its nats-server. */
  rssMb(): { gateway: number; nats: number };
  /** CPU seconds used so far by the gateway. */
  cpuSeconds(): number;
}

/** A line of the gateway's log, as far as it matters here. */
interface Running {
  readonly msg?: string;
  readonly nats?: string;
  readonly broker?: { readonly mqtt: { readonly host: string; readonly port: number } };
}

/** Starts the gateway on a folder; resolves when it says that it runs. */
export async function runGateway(dir: string): Promise<GatewayProcess> {
  const spawnedAt = performance.now();
  const child = spawn(program, ["run", dir], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const { nats, mqtt } = await new Promise<Pick<GatewayProcess, "nats" | "mqtt">>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the gateway did not start within ${startWithinMs} ms`)),
      startWithinMs,
    );
    void ended.then(() => reject(new Error("the gateway ended at its start")));
    createInterface(child.stdout).on("line", (line) => {
      const entry = JSON.parse(line) as Running;
      if (entry.msg !== "running" || entry.nats === undefined) return;
      clearTimeout(timer);
      const { host, port } = entry.broker?.mqtt ?? { host: "127.0.0.1", port: 1883 };
      resolve({ nats: entry.nats, mqtt: `mqtt://${host}:${port}` });
    });
  });
  const pid = child.pid ?? 0;
  return {
    pid,
    nats,
    mqtt,
    spawnedAt,
    natsPid: () => natsServerOf(pid),
    rssMb: () => ({ gateway: residentMb(pid), nats: residentMb(natsServerOf(pid)) }),
    cpuSeconds: () => {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      const kill = setTimeout(() => child.kill("SIGKILL"), stopWithinMs);
      await ended;
      clearTimeout(kill);
    },
  };
}
