import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simulateSite, type SiteSimulation } from "../../simulators/site/simulate-site.ts";
import { systemClock } from "../adapter-kit/clock.ts";
import type { ListenAddress } from "../config/gateway-schema.ts";
import { loadSiteApart } from "../config/load-site-apart.ts";
import type { Site } from "../config/site.ts";
import { Gateway } from "../gateway.ts";
import { readDemoArguments, usage, type DemoArguments } from "./demo-arguments.ts";
import { DemoRun } from "./demo-run.ts";
import { openView, type DemoView } from "./demo-output.ts";
import { prepareDemoSite } from "./demo-site.ts";
import { DemoTable } from "./demo-table.ts";
import { printIssues } from "./issue-text.ts";
import { RecentLog } from "./recent-log.ts";
import { stopSignal, untilAborted } from "./until-aborted.ts";

const factory = join(import.meta.dirname, "../../mappings/factory");

/** Resolves with the exit code: 0 only where readings reached NATS. */
export async function run(args: readonly string[]): Promise<number> {
  const options = readDemoArguments(args);
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const dir = options.site ?? factory;
  const loaded = await loadSiteApart(dir);
  if (!loaded.ok) {
    printIssues(dir, loaded.issues);
    return 1;
  }
  const store = await mkdtemp(join(tmpdir(), "linegate-demo-"));
  try {
    return await demonstrate(loaded.site, store, options);
  } finally {
    await rm(store, { recursive: true, force: true });
  }
}

async function demonstrate(wanted: Site, store: string, options: DemoArguments): Promise<number> {
  const view = openView(options.json, process.stdout, process.env);
  using _view = view;
  using stop = stopSignal(() => view.close());
  const { site: prepared, taken } = await prepareDemoSite(wanted, store);
  await using simulation = await simulateSite(prepared, {
    host: "127.0.0.1",
    ports: "free-if-taken",
    seed: options.seed,
  });
  for (const { what, port } of taken) view.say(`Port ${port} (${what}) is taken; a free one is used in its place.`);
  for (const [mapped, used] of simulation.movedPorts)
    view.say(`Port ${mapped} of a simulated device can't be had; ${used} is used in its place.`);
  return runGateway(simulation, view, stop, options);
}

async function runGateway(
  simulation: SiteSimulation,
  view: DemoView,
  stop: AbortSignal,
  { seconds }: DemoArguments,
): Promise<number> {
  const { site, devices } = simulation;
  const log = new RecentLog((line) => view.say(line));
  const gateway = new Gateway(site, {
    log,
    clock: systemClock,
    random: Math.random,
    searchPath: process.env["PATH"] ?? "",
    natsPassword: undefined,
  });
  const table = new DemoTable(site, new Map(devices.map(({ mapping, place }) => [mapping.device, place])));
  gateway.readings$.subscribe(({ reading }) => table.read(reading));
  gateway.deviceStates$.subscribe(({ device, state }) => table.changed(device, state));
  let demo: DemoRun | undefined;
  try {
    const started = gateway.start();
    started.catch(() => undefined);
    await Promise.race([started, untilAborted(stop, undefined, systemClock)]);
    if (stop.aborted) return 1;
    const { broker, nats, http } = gateway.addresses;
    simulation.dialIn({ broker: `mqtt://${hostPort(broker.mqtt)}` });
    demo = await DemoRun.start({
      site,
      table,
      view,
      clock: systemClock,
      addresses: { mqtt: broker.mqtt, nats, http },
    });
    await untilAborted(stop, seconds, systemClock);
    const summary = await demo.finish();
    return summary.readings > 0 && summary.natsMessages > 0 ? 0 : 1;
  } finally {
    await demo?.close();
    await gateway.stop();
  }
}

function hostPort({ host, port }: ListenAddress): string {
  return `${host}:${port}`;
}
