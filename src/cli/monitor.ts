import { stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { systemClock } from "../adapter-kit/clock.ts";
import { adapterRegistry } from "../adapter-registry.ts";
import { loadSite } from "../config/load-site.ts";
import type { Site } from "../config/site.ts";
import { GatewayError } from "../domain/errors.ts";
import { DemoTable, type TableSite } from "./demo-table.ts";
import { deviceAnd, deviceOptions, deviceUsage, durationArgument } from "./device-arguments.ts";
import { findTarget, type Target, type TargetOptions } from "./device-target.ts";
import { followGateway } from "./gateway-readings.ts";
import { issueReport } from "./issue-text.ts";
import { openMonitorView } from "./monitor-view.ts";
import { StandaloneFleet } from "./standalone-fleet.ts";
import { stopSignal, untilAborted } from "./until-aborted.ts";
import { WarningLog } from "./warning-log.ts";

const usage = `Usage: linegate monitor DEVICE... [options]
       linegate monitor DIR [--gateway] [options]

The values of devices, live: a table in the terminal, lost devices found again by themselves. Every sample is shown,
whatever a deadband would hold back. Ctrl+C ends it. With --gateway nothing is asked of the devices: what a running
gateway publishes is shown, deadbands and all, over MQTT or, with --broker nats://HOST:PORT, over NATS. There a device's state is told
when it changes; until then its readings say whether it is online.

  linegate monitor mappings/factory/devices/press-1.yaml mappings/factory/devices/meter-1.yaml
  linegate monitor mappings/factory --gateway
  linegate monitor mappings/factory --gateway --broker nats://10.0.0.5:4222 --user viewer --password env:VIEWER

  --gateway          what the running gateway of the folder publishes
  --for TIME         ends after so long, such as 30s
${deviceUsage}

With --json: {"device","tag","value","quality","timestamp","unit","sequence","status"} for each reading, and
{"device","state":{"state",…}} for each change of a device's state.
`;

const repaintMs = 250;
const siteName = "monitor";

interface Watched {
  readonly site: TableSite;
  readonly targets: readonly Target[];
  readonly broker: TargetOptions["broker"];
}

/** Resolves with 0 when it is ended. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...deviceOptions, gateway: { type: "boolean", default: false }, for: { type: "string" } },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const { device } = deviceAnd(positionals, "monitor mappings/factory/devices/press-1.yaml");
  const forMs = durationArgument("--for", values.for);
  using stop = stopSignal();
  const isFolder = (await stat(device).catch(() => undefined))?.isDirectory() === true;
  if (values.gateway && !isFolder) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "--gateway shows a site: linegate monitor mappings/factory --gateway",
    );
  }
  const watched = isFolder
    ? await siteTargets(positionals, values, values.gateway)
    : await deviceTargets(positionals, values);
  const table = new DemoTable(watched.site, new Map());
  using view = openMonitorView(values.json, process.stdout, process.env, watched.site.gateway.site);
  const sink = {
    site: watched.site.gateway.site,
    log: new WarningLog((line) => view.say(line)),
    onReading: (reading: Parameters<DemoTable["read"]>[0]) => {
      table.read(reading);
      view.reading(reading);
    },
    onState: (name: string, state: Parameters<DemoTable["changed"]>[1]) => {
      table.changed(name, state);
      view.state(name, state);
    },
    onFrame: () => undefined,
  };
  await using _source = values.gateway
    ? await followGateway(watched.broker ?? "", sink, values)
    : await StandaloneFleet.start(watched.targets, sink);
  const picture = () => ({ devices: table.devices, now: systemClock.now() });
  const timer = setInterval(() => view.show(picture()), repaintMs);
  await untilAborted(stop, forMs === undefined ? undefined : forMs / 1_000, systemClock);
  clearInterval(timer);
  view.finish(picture());
  return 0;
}

async function deviceTargets(devices: readonly string[], options: TargetOptions): Promise<Watched> {
  const targets: Target[] = [];
  for (const device of devices) targets.push(named(await findTarget(device, options), targets));
  const watched = targets.map(unbanded);
  return {
    site: { gateway: { site: siteName }, devices: watched.map(({ mapping }) => mapping) },
    targets: watched,
    broker: undefined,
  };
}

/** Devices without a mapping all have the same name: the second is told from the first. */
function named(target: Target, before: readonly Target[]): Target {
  const taken = (name: string) => before.some(({ mapping }) => mapping.device === name);
  let device = target.mapping.device;
  for (let number = 2; taken(device); number += 1) device = `${target.mapping.device}-${number}`;
  return { ...target, mapping: { ...target.mapping, device } };
}

function unbanded(target: Target): Target {
  const tags = target.mapping.tags.map((tag) => {
    const { deadband, ...rest } = tag;
    return deadband === undefined ? tag : rest;
  });
  return { ...target, mapping: { ...target.mapping, tags } };
}

async function siteTargets(
  [dir = "", ...more]: readonly string[],
  options: TargetOptions,
  fromGateway: boolean,
): Promise<Watched> {
  if (more.length > 0)
    throw new GatewayError("CONFIG_INVALID", "linegate monitor takes one site folder, or device files.");
  const loaded = await loadSite(dir);
  if (!loaded.ok) throw new GatewayError("CONFIG_INVALID", issueReport(dir, loaded.issues));
  const { site } = loaded;
  const { host, port } = site.gateway.broker.listen;
  const broker = options.broker ?? `mqtt://${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (fromGateway) return { site, targets: [], broker };
  const targets = await Promise.all(site.devices.map((mapping) => targetOf(mapping, site, broker)));
  return { site, targets: targets.map(unbanded), broker };
}

async function targetOf(mapping: Target["mapping"], site: Site, broker: string): Promise<Target> {
  const module = await adapterRegistry[mapping.adapter]?.load();
  if (module === undefined) throw new GatewayError("INTERNAL", `There is no adapter ${mapping.adapter}.`);
  const login = module.usesBroker === true ? { url: broker } : undefined;
  return { dir: site.dir, mapping, module, connection: {}, gateway: site.gateway, broker: login };
}
