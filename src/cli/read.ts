import { parseArgs } from "node:util";
import type { Diagnosis } from "../adapter-kit/browse.ts";
import type { Sample } from "../domain/reading.ts";
import { plainText } from "../domain/reading.ts";
import { deviceAnd, deviceOptions, deviceUsage, durationArgument, entryKeys } from "./device-arguments.ts";
import { DeviceSession } from "./device-session.ts";
import { findTargetWithTags, type Target } from "./device-target.ts";
import { table } from "./table.ts";
import { shownJson, shownTag, type ShownTag } from "./tag-value.ts";
import { stopSignal } from "./until-aborted.ts";
import { WarningLog } from "./warning-log.ts";

const usage = `Usage: linegate read DEVICE [TAG | ADDRESS]... [options]

Reads tags now: the value in the tag's unit, the raw value as the device holds it, the quality, and for a tag that is bad
what is probably wrong with it. Without a TAG all of them. What is no tag is taken for an address. Exit 1 where one is bad.

  linegate read mappings/factory/devices/press-1.yaml ram/pressure
  linegate read modbus-tcp://10.0.0.5:502/1 holding:40 --type float32 --order CDAB

  --type TYPE        for an ADDRESS: how it is read (the adapter's own types)
  --order ORDER      for an ADDRESS: its byte order
  --set KEY=VALUE    for an ADDRESS: any other key of a mapping entry, such as scale=0.1; may be repeated
  --timeout TIME     how long a device that speaks by itself is waited for (5s)
${deviceUsage}
`;

/** Resolves with the exit code: 0 where every tag is good. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...deviceOptions,
      type: { type: "string" },
      order: { type: "string" },
      set: { type: "string", multiple: true },
      timeout: { type: "string" },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const { device, rest } = deviceAnd(positionals, "read mappings/factory/devices/press-1.yaml ram/pressure");
  const patience = durationArgument("--timeout", values.timeout);
  using stop = stopSignal();
  const target = await findTargetWithTags(device, { names: rest, keys: entryKeys(values) }, values);
  const log = new WarningLog((line) => console.error(line));
  await using session = await DeviceSession.open(target, { log, signal: stop });
  const samples = await session.read(target.tags, patience);
  const found = await findFaults(session, samples, stop);
  const shown = samples.map((sample) => shownTag(sample, mappingOf(target, sample)));
  if (values.json) for (const one of shown) console.log(shownJson(one, diagnosisOf(found, one)));
  else print(shown, found);
  return shown.every(({ quality }) => quality === "good") ? 0 : 1;
}

function mappingOf({ mapping }: Target, { tag, template }: Sample) {
  return mapping.tags.find(({ name }) => name === (template ?? tag));
}

/** What the adapter finds by asking around bad tags, and what it doubts of good ones. */
async function findFaults(
  { adapter, target }: DeviceSession,
  samples: readonly Sample[],
  signal: AbortSignal,
): Promise<readonly Diagnosis[]> {
  const bad = samples.filter(({ quality }) => quality === "bad");
  const good = samples.filter(({ quality }) => quality === "good");
  const diagnosed = bad.length === 0 ? [] : await adapter.diagnose?.(bad, signal);
  return [...(diagnosed ?? []), ...(target.module.doubts?.(target.mapping, good) ?? [])];
}

function diagnosisOf(found: readonly Diagnosis[], { tag }: ShownTag): object {
  const diagnosis = found.find((one) => one.tag === tag)?.text;
  return diagnosis === undefined ? {} : { diagnosis };
}

function print(shown: readonly ShownTag[], found: readonly Diagnosis[]): void {
  const rows = shown.map(({ tag, value, raw, unit, quality, status }) => [
    tag,
    value === null ? "–" : plainText(value),
    unit ?? "",
    quality,
    raw === null ? "–" : plainText(raw),
    status ?? "",
  ]);
  const columns = [
    { heading: "TAG" },
    { heading: "VALUE", align: "right" },
    { heading: "UNIT" },
    { heading: "QUALITY" },
    { heading: "RAW", align: "right" },
    { heading: "STATUS" },
  ] as const;
  console.log(table(columns, rows));
  for (const { tag, text } of found) console.log(`\n${tag}: ${text}`);
}
