import { parseArgs } from "node:util";
import type { BrowsedTag, BrowseOptions } from "../adapter-kit/browse.ts";
import { flowEntry } from "../config/device-yaml.ts";
import { GatewayError } from "../domain/errors.ts";
import { requireWritable, writeMapping } from "./browse-mapping.ts";
import { encodeTagValue, plainText } from "../domain/reading.ts";
import { deviceOptions, deviceUsage, durationArgument, oneDevice } from "./device-arguments.ts";
import { DeviceSession } from "./device-session.ts";
import { findTarget, type Target } from "./device-target.ts";
import { numberArgument } from "./number-argument.ts";
import { printable } from "./printable.ts";
import { table } from "./table.ts";
import { stopSignal } from "./until-aborted.ts";
import { WarningLog } from "./warning-log.ts";

const usage = `Usage: linegate browse DEVICE [options]

Looks into a device for what a mapping could name. It only reads. Modbus: which addresses of each table answer, and what
the others say. MQTT: the topics and JSON values that come in a while. OPC UA: the address space.

  linegate browse modbus-tcp://10.0.0.5:502/1 --from holding:0 --to holding:499 --pause 20ms
  linegate browse modbus-tcp://10.0.0.5:502 --units 1..20
  linegate browse modbus-tcp://10.0.0.5:502/1 --write-mapping mappings/mine/devices/pump-1.yaml
  linegate browse opc.tcp://10.0.0.5:4840?security.policy=none --from i=85 --depth 3

A device file is taken without tags too: what is written into connection: is then all that is needed.

  --from PLACE       where to begin: holding:0, a node id, a topic filter
  --to PLACE         where to end: holding:499
  --depth N          how many levels down
  --units A..B       Modbus: which unit ids answer, instead of addresses
  --pause TIME       silence between two requests, for slow devices, such as 20ms
  --for TIME         how long to listen where devices speak by themselves (10s)
  --write-mapping FILE  writes what was found as a device file
  --force            writes over a FILE that is there
${deviceUsage}
`;

/** Resolves with the exit code: 0 where something was found, 130 after Ctrl+C. */
export async function run(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...deviceOptions,
      from: text,
      to: text,
      depth: text,
      units: text,
      pause: text,
      for: text,
      "write-mapping": text,
      force: { type: "boolean", default: false },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const device = oneDevice(positionals, "browse modbus-tcp://10.0.0.5:502/1");
  const options = browseOptions(values);
  const file = values["write-mapping"];
  // A search may take minutes: what stands in the way of its result is told before it.
  if (file !== undefined) await requireWritable(file, values.force);
  using stop = stopSignal();
  const target = await findTarget(device, values, { tagless: true });
  await using session = await DeviceSession.open(target, {
    log: new WarningLog((line) => console.error(line)),
    signal: stop,
  });
  const found = await search(session, options, { json: values.json, signal: stop });
  if (!values.json) print(found, target);
  if (file !== undefined && !stop.aborted) await writeMapping(file, found, target, values.force);
  if (stop.aborted) return 130;
  return found.some(({ status }) => status === undefined || status === "Answers") ? 0 : 1;
}

function browseOptions(values: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly depth?: string | undefined;
  readonly units?: string | undefined;
  readonly pause?: string | undefined;
  readonly for?: string | undefined;
}): BrowseOptions {
  const units = values.units === undefined ? undefined : /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(values.units);
  if (units === null) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `--units: expected unit ids, such as 1..20, found "${values.units}"`,
    );
  }
  const from = units === undefined ? values.from : `unit:${units[1]}`;
  const to = units === undefined ? values.to : `unit:${units[2] ?? units[1]}`;
  const depth = numberArgument("--depth", values.depth);
  const pauseMs = durationArgument("--pause", values.pause);
  const listenMs = durationArgument("--for", values.for);
  return {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(depth === undefined ? {} : { depth }),
    ...(pauseMs === undefined ? {} : { pauseMs }),
    ...(listenMs === undefined ? {} : { listenMs }),
  };
}

async function search(
  { adapter, target }: DeviceSession,
  options: BrowseOptions,
  { json, signal }: { readonly json: boolean; readonly signal: AbortSignal },
): Promise<readonly BrowsedTag[]> {
  if (adapter.browse === undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `The adapter ${target.mapping.adapter} can't look into devices.`,
    );
  }
  const found: BrowsedTag[] = [];
  try {
    for await (const tag of adapter.browse(options, signal)) {
      found.push(tag);
      if (json) console.log(jsonOf(tag));
    }
  } catch (caught) {
    if (!signal.aborted) {
      // What was found before the trouble is shown all the same.
      if (!json && found.length > 0) print(found, target);
      throw caught;
    }
  }
  return found;
}

/** `{"name":…,"entry":{…},"writable":…,"value":…,"status":…,"unit":…,"description":…}` */
function jsonOf({ value, ...rest }: BrowsedTag): string {
  const plain = JSON.stringify(rest);
  return value === undefined ? plain : `${plain.slice(0, -1)},"value":${encodeTagValue(value)}}`;
}

function print(found: readonly BrowsedTag[], { module }: Target): void {
  if (found.length === 0) console.log("Nothing was found.");
  else if (module.listing !== undefined) console.log(module.listing(found).map(printable).join("\n"));
  else {
    const columns = [
      { heading: "NAME" },
      { heading: "VALUE", align: "right" },
      { heading: "UNIT" },
      { heading: "WRITE" },
      { heading: "ENTRY" },
    ] as const;
    const rows = found.map(({ name, value, status, unit, writable, entry }) => [
      name,
      value === undefined || value === null ? (status ?? "–") : plainText(value).slice(0, 40),
      unit ?? "",
      writable ? "yes" : "",
      flowEntry(entry),
    ]);
    console.log(table(columns, rows));
  }
}
