import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { execFileSync } from "node:child_process";
import { alertStorm } from "./parts/alert-storm.ts";
import { alertToCoil } from "./parts/alert-to-coil.ts";
import { cameras } from "./parts/camera.ts";
import { completeToPrepare } from "./parts/complete-to-prepare.ts";
import { dayOutage } from "./parts/day-outage.ts";
import { dialledIn } from "./parts/dialled-in.ts";
import { flashWear } from "./parts/flash-wear.ts";
import { hubOutage, hubOutageForwarded } from "./parts/hub-outage.ts";
import { latencies } from "./parts/latency.ts";
import { memory } from "./parts/memory.ts";
import { opcua } from "./parts/opcua.ts";
import { pipeline } from "./parts/pipeline.ts";
import { reconnects } from "./parts/reconnects.ts";
import { requests } from "./parts/requests.ts";
import { sparkplug } from "./parts/sparkplug.ts";
import { serial } from "./parts/serial.ts";
import { start } from "./parts/start.ts";
import { upload } from "./parts/upload.ts";
import { vehicle } from "./parts/vehicle.ts";
import { seededRandom } from "./statistics.ts";

const usage = `npm run -s bench -- [NAME …] [--json] [--seed N]

Measures the whole gateway in one run, or the named parts: pipeline, latency, complete-to-prepare, alert-to-coil,
alert-storm, hub-outage, hub-outage-forwarded, day-outage, flash-wear, memory, requests, start, camera, opcua, serial, sparkplug, dialled-in,
reconnects, upload, vehicle.
`;

/** Latencies and memory come from several parts; every other key from one. */
interface Measured {
  readonly latencyMs?: object;
  readonly rssMb?: object;
  readonly [key: string]: unknown;
}

type Part = (random: () => number, seed: number) => Promise<Measured>;
const parts: Readonly<Record<string, Part>> = {
  pipeline,
  latency: latencies,
  "complete-to-prepare": completeToPrepare,
  "alert-to-coil": alertToCoil,
  "alert-storm": alertStorm,
  "hub-outage": hubOutage,
  "hub-outage-forwarded": hubOutageForwarded,
  "day-outage": dayOutage,
  "flash-wear": flashWear,
  memory,
  requests,
  start,
  camera: cameras,
  opcua,
  serial,
  sparkplug,
  "dialled-in": dialledIn,
  reconnects,
  upload,
  vehicle,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", short: "h" },
  },
});
const unknown = positionals.filter((name) => parts[name] === undefined);
const seed = Number(values.seed);
if (values.help === true || unknown.length > 0 || !Number.isInteger(seed)) {
  process.stderr.write(unknown.length > 0 ? `There is no part ${unknown.join(", ")}.\n${usage}` : usage);
  process.exit(values.help === true ? 0 : 2);
}

const machine = {
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGb: Math.round(totalmem() / 1e9),
  node: process.version,
  natsServer: execFileSync("nats-server", ["--version"], { encoding: "utf8" }).trim(),
};
function merged(one: Measured, other: Measured): Measured {
  const both = { ...one, ...other };
  for (const key of ["latencyMs", "rssMb"] as const) {
    const figures = { ...one[key], ...other[key] };
    if (Object.keys(figures).length > 0) Object.assign(both, { [key]: figures });
  }
  return both;
}

let figures: Measured = { machine, seed };
for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
  process.stderr.write(`bench: ${name}\n`);
  const measured: Measured = (await parts[name]?.(seededRandom(seed), seed)) ?? {};
  if (values.json !== true) process.stdout.write(`${JSON.stringify(measured, undefined, 2)}\n`);
  figures = merged(figures, measured);
}
process.stdout.write(`${JSON.stringify(figures)}\n`);
