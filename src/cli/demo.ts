import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simulateSite } from "../../simulators/site/simulate-site.ts";
import { systemClock } from "../adapter-kit/clock.ts";
import { loadSiteApart } from "../config/load-site-apart.ts";
import type { Site } from "../config/site.ts";
import { installation } from "../installation.ts";
import { readDemoArguments, usage, type DemoArguments } from "./demo-arguments.ts";
import { hostPort, startDemoGateway } from "./demo-gateway.ts";
import { openView } from "./demo-output.ts";
import { DemoRun } from "./demo-run.ts";
import { printIssues } from "./issue-text.ts";
import { stopSignal, untilAborted } from "./until-aborted.ts";

const factory = join(installation, "mappings", "factory");

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
  view.begin("Starting a simulator for every device, and the gateway on them …");
  await using simulation = await simulateSite(wanted, {
    host: "127.0.0.1",
    ports: "free-if-taken",
    seed: options.seed,
  });
  for (const [mapped, used] of simulation.movedPorts)
    view.say(`Port ${mapped} of a simulated device can't be had; ${used} is used in its place.`);
  const places = new Map(simulation.devices.map(({ mapping, place }) => [mapping.device, place]));
  await using gateway = await startDemoGateway({ site: simulation.site, places, store, view, stop });
  if (gateway === undefined) return 1;
  simulation.dialIn({ broker: `mqtt://${hostPort(gateway.addresses.mqtt)}` });
  await using demo = await DemoRun.start({ ...gateway, view, clock: systemClock });
  await untilAborted(stop, options.seconds, systemClock);
  const summary = await demo.finish();
  return summary.readings > 0 && summary.natsMessages > 0 ? 0 : 1;
}
