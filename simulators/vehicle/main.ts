import { parseArgs } from "node:util";
import { connect } from "@nats-io/transport-node";
import { Control } from "./control.ts";
import { Perception } from "./perception.ts";
import { Planning } from "./planning.ts";
import { VehicleSensors } from "./sensors.ts";

const usage = `node simulators/vehicle/main.ts [perception] [planning] [control] [sensors] [options]

The nodes of mappings/vehicle, each as the user of its own name; all of them where none is named. perception prints once a
second how long a frame takes to come round.

  --nats URL     nats://127.0.0.1:4222
  --broker URL   mqtt://127.0.0.1:1883
  --site PLACE   fleet/car-1
  --rate N       frames a second (20)
  --seconds N    ends after so long
  --help         this text`;

const nodes = ["perception", "planning", "control", "sensors"] as const;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nats: { type: "string", default: "nats://127.0.0.1:4222" },
    broker: { type: "string", default: "mqtt://127.0.0.1:1883" },
    site: { type: "string", default: "fleet/car-1" },
    rate: { type: "string", default: "20" },
    seconds: { type: "string" },
    help: { type: "boolean", short: "h" },
  },
});
const unknown = positionals.filter((name) => !(nodes as readonly string[]).includes(name));
if (values.help === true || unknown.length > 0) {
  console.log(usage);
  process.exit(unknown.length > 0 ? 2 : 0);
}
const chosen = nodes.filter((name) => positionals.length === 0 || positionals.includes(name));
// Passwords of mappings/vehicle: the users' names.
const natsAs = (user: string) =>
  connect({
    servers: values.nats,
    user,
    pass: user,
    name: user,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
  });

const now = () => performance.now();
if (chosen.includes("sensors"))
  (await VehicleSensors.connect(values.broker, "sensors", "sensors")).start(200);
if (chosen.includes("control"))
  await new Control(await natsAs("control"), {
    setpoint: `cmd.${values.site.replaceAll("/", ".")}.drive-unit.speed.setpoint`,
    now,
  }).start();
if (chosen.includes("planning")) await new Planning(await natsAs("planning")).start();
if (chosen.includes("perception")) {
  let rounds: number[] = [];
  const perception = new Perception(await natsAs("perception"), now, (ms) => void rounds.push(ms));
  await perception.start();
  setInterval(() => perception.look(), 1_000 / Number(values.rate));
  setInterval(() => {
    const sorted = rounds.toSorted((one, other) => one - other);
    rounds = [];
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.toFixed(2);
    console.log(
      `${sorted.length} frames, p50 ${at(0.5) ?? "-"} ms, p99 ${at(0.99) ?? "-"} ms, max ${sorted.at(-1)?.toFixed(2) ?? "-"} ms`,
    );
  }, 1_000);
}
const end = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => end.abort());
if (values.seconds !== undefined) setTimeout(() => end.abort(), Number(values.seconds) * 1_000);
end.signal.addEventListener("abort", () => process.exit(0));
