import { parseArgs } from "node:util";
import { replay } from "../../simulators/site/replayer.ts";
import { simulateSite, type SiteSimulation } from "../../simulators/site/simulate-site.ts";
import { systemClock } from "../adapter-kit/clock.ts";
import { loadSiteApart } from "../config/load-site-apart.ts";
import type { Site } from "../config/site.ts";
import { GatewayError } from "../domain/errors.ts";
import { readRecording } from "../trace/frame-reader.ts";
import { readSecret } from "../security/read-secret.ts";
import { printIssues } from "./issue-text.ts";
import { numberArgument } from "./number-argument.ts";
import { toldFailures } from "./told-failures.ts";
import { stopSignal, untilAborted } from "./until-aborted.ts";

const usage = `Usage: linegate simulate DIR [options]
       linegate simulate --replay FILE [options]

A simulated device for every device of the folder, made from its own mapping: Modbus devices as servers on their hosts
and ports, or on pseudo-terminals in place of their serial ports (with socat), cameras as web servers or clients, MQTT
devices as clients of the site's broker. Written values stick. Ctrl+C ends it.

With --replay the device of a recording again (linegate record): each request is answered as it was, MQTT and Sparkplug
messages are published, camera posts and streams sent, and OPC UA variables change at their times, from the beginning
when the end is reached. What was never asked gets exception 2 from a Modbus device, 404 from a camera.

  linegate simulate --replay press-1.ndjson --port 1502

  --host ADDRESS     where Modbus servers and cameras listen; without it only devices on loopback addresses are simulated
  --ports WHICH      mapped, or free-if-taken: a free port (serial: path) where the mapping's can't be had (mapped)
  --broker URL       the broker for MQTT devices (the one of gateway.yaml)
  --user NAME        the user of the broker for all of them
  --password SECRET  its password, with --replay also the token of a camera that posts: env:NAME or file:PATH
  --seed N           the same seed gives the same values (1)
  --speed N          simulated seconds a second (1)
  --seconds N        ends after so long
  --replay FILE      a recording in place of a folder
  --port N           with --replay: the port of a Modbus or OPC UA device or camera (the recorded mapping's; 0 takes a free
                     one); for a camera that posts, the gateway's
  --help             this text
`;

interface SimulateArguments {
  readonly dir: string;
  readonly host: string | undefined;
  readonly ports: "mapped" | "free-if-taken";
  readonly broker: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly seed: number;
  readonly speed: number;
  readonly seconds: number | undefined;
  readonly replay: string | undefined;
  readonly port: number | undefined;
}

/** Resolves with the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  const options = readArguments(args);
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  if (options.replay !== undefined) {
    await play(options.replay, options);
    return 0;
  }
  const loaded = await loadSiteApart(options.dir);
  if (loaded.ok) {
    await simulate(loaded.site, options);
    return 0;
  }
  printIssues(options.dir, loaded.issues);
  return 1;
}

async function play(file: string, options: SimulateArguments): Promise<void> {
  if (options.speed === 0) throw new GatewayError("CONFIG_INVALID", "--speed: a replay needs more than 0.");
  using stop = stopSignal();
  const recording = await readRecording(file);
  const secrets = { siteDir: ".", environment: process.env };
  const password = options.password === undefined ? undefined : await readSecret(options.password, secrets);
  const { header, frames, torn, neverOnline } = recording;
  if (neverOnline === true) {
    const told = `${file}: ${header.device} was never online while this was recorded, so that there is no device to simulate.`;
    throw new GatewayError("CONFIG_INVALID", told);
  }
  await using running = await replay(recording, { ...options, password, clock: systemClock });
  const cut = torn ? "; its last line was cut off" : "";
  console.log(`${header.device}  ${header.adapter}  ${running.place} (${frames.length} frames${cut})`);
  await untilAborted(stop, options.seconds, systemClock);
}

async function simulate(site: Site, options: SimulateArguments): Promise<void> {
  using stop = stopSignal();
  const { host, port } = site.gateway.broker.listen;
  const broker = options.broker ?? `mqtt://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const secrets = { siteDir: site.dir, environment: process.env };
  const password = options.password === undefined ? undefined : await readSecret(options.password, secrets);
  using _failures = toldFailures((line) => console.error(line));
  await using simulation = await simulateSite(site, options);
  simulation.dialIn({ broker, user: options.user, password });
  print(simulation, broker);
  await untilAborted(stop, options.seconds, systemClock);
}

function print(simulation: SiteSimulation, broker: string): void {
  const names = simulation.devices.map(({ mapping }) => mapping.device);
  const width = Math.max(0, ...names.map((name) => name.length));
  for (const { mapping, tags, place } of simulation.devices) {
    const where = mapping.adapter === "mqtt" ? `${place} at ${broker}` : place;
    console.log(`${mapping.device.padEnd(width)}  ${mapping.adapter}  ${where}, ${tags.length} tags`);
  }
  for (const [mapped, used] of simulation.movedPorts) {
    console.log(`Port ${mapped} is taken or reserved; ${used} is used in its place.`);
  }
}

/** Undefined where help was asked for. */
function readArguments(args: readonly string[]): SimulateArguments | undefined {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      host: text,
      ports: text,
      broker: text,
      user: text,
      password: text,
      seed: text,
      speed: text,
      seconds: text,
      replay: text,
      port: text,
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help === true) return undefined;
  const [dir, ...rest] = positionals;
  const isReplay = values.replay !== undefined;
  if ((dir === undefined) !== isReplay || rest.length > 0)
    throw new GatewayError(
      "CONFIG_INVALID",
      "linegate simulate takes one site folder, such as: linegate simulate mappings/factory; or --replay with a recording",
    );
  const { host, ports = "mapped", broker, user, password } = values;
  if (ports !== "mapped" && ports !== "free-if-taken")
    throw new GatewayError("CONFIG_INVALID", `--ports: expected mapped or free-if-taken, found "${ports}"`);
  return {
    dir: dir ?? "",
    replay: values.replay,
    port: numberArgument("--port", values.port),
    host,
    ports,
    broker,
    user,
    password,
    seed: numberArgument("--seed", values.seed) ?? 1,
    speed: numberArgument("--speed", values.speed) ?? 1,
    seconds: numberArgument("--seconds", values.seconds),
  };
}
