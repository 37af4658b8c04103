import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Perception } from "../../simulators/vehicle/perception.ts";
import { VehicleSensors } from "../../simulators/vehicle/sensors.ts";
import { runGateway } from "../gateway-process.ts";
import { HubProcess } from "../hub-process.ts";
import { latency } from "../statistics.ts";

const root = join(import.meta.dirname, "..", "..");
const settleMs = 5_000;
const linkedMs = 15_000;
const awayMs = 20_000;
const drainMs = 15_000;
/** 50 frames a second. */
const frameMs = 20;
/** Nine topics, 24 tags: some 1,200 readings a second, uploaded raw. */
const sensorsMs = 20;

/** mappings/vehicle on free ports, linked to the hub. */
function vehicleSite(hub: HubProcess): string {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-vehicle-"));
  cpSync(join(root, "mappings", "vehicle"), dir, {
    recursive: true,
    filter: (path) => !path.endsWith("/data"),
  });
  const text = readFileSync(join(dir, "gateway.yaml"), "utf8")
    .replace("127.0.0.1:1883", "127.0.0.1:0")
    .replace("listen: 127.0.0.1:4222", "listen: 127.0.0.1:0")
    .replace("127.0.0.1:7422", `127.0.0.1:${hub.leafs}`)
    .replace("maxAge: 30s", "maxAge: 2s");
  writeFileSync(join(dir, "gateway.yaml"), `${text}http: { listen: 127.0.0.1:0 }\n`);
  return dir;
}

/** How long a ping of nats-server takes from here, now and then, until the signal aborts. */
async function pings(connection: NatsConnection, signal: AbortSignal): Promise<readonly Timed[]> {
  const taken: Timed[] = [];
  while (!signal.aborted) {
    const at = performance.now();
    await connection.flush();
    taken.push({ at, ms: performance.now() - at });
    await delay(frameMs);
  }
  return taken;
}

interface Timed {
  readonly at: number;
  readonly ms: number;
}

/**
 * How long a frame takes from perception to planning to control and back, each node a process of its own on the vehicle's
 * nats-server: hub linked, hub gone, and while what piled up drains; beside it a bare ping of the same server.
 */
export async function vehicle() {
  await using hub = await HubProcess.start();
  const dir = vehicleSite(hub);
  await using gateway = await runGateway(dir);
  const fleet = join(hub.dir, "fleet.yaml");
  writeFileSync(fleet, "gateways: [car-1]\n");
  const as = (user: string) => connect({ servers: gateway.nats, user, pass: user, noAsyncTraces: true });
  const main = join(root, "simulators", "vehicle", "main.ts");
  const nodes = spawn(process.execPath, [main, "control", "--nats", gateway.nats], { stdio: "ignore" });
  const planning = spawn(process.execPath, [main, "planning", "--nats", gateway.nats], { stdio: "ignore" });
  const sensors = await VehicleSensors.connect(gateway.mqtt, "sensors", "sensors");
  sensors.start(sensorsMs);
  const rounds: Timed[] = [];
  const nats = await as("perception");
  const perception = new Perception(
    nats,
    () => performance.now(),
    (ms) => rounds.push({ at: performance.now(), ms }),
  );
  await perception.start();
  const looking = setInterval(() => perception.look(), frameMs);
  const end = new AbortController();
  const reference = await as("display");
  const pinging = pings(reference, end.signal);
  await delay(settleMs);
  execFileSync(
    join(root, "bin", "linegate"),
    ["hub", "apply", fleet, "--url", `nats://127.0.0.1:${hub.clients}`],
    { stdio: "ignore" },
  );
  // What came while this process waited for the command is not the vehicle's lateness.
  await delay(1_000);
  const linkedAt = performance.now();
  await delay(linkedMs);
  await hub.kill();
  const awayAt = performance.now();
  await delay(awayMs);
  await hub.start();
  const drainAt = performance.now();
  await delay(drainMs);
  const endAt = performance.now();
  end.abort();
  clearInterval(looking);
  const bare = await pinging;
  await sensors.stop();
  for (const connection of [nats, reference]) await connection.close();
  for (const node of [nodes, planning]) {
    const ended = once(node, "exit");
    node.kill("SIGTERM");
    await ended;
  }
  const between = (timed: readonly Timed[], from: number, to: number) =>
    latency(timed.filter(({ at }) => at >= from && at < to).map(({ ms }) => ms));
  const phase = (from: number, to: number) => ({
    round: between(rounds, from, to),
    ping: between(bare, from, to),
  });
  const figures = {
    linked: phase(linkedAt, awayAt),
    away: phase(awayAt, drainAt),
    draining: phase(drainAt, endAt),
  };
  rmSync(dir, { recursive: true, force: true });
  return { vehicle: figures };
}
