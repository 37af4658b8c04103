import { rm, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { systemClock } from "../adapter-kit/clock.ts";
import { GatewayError } from "../domain/errors.ts";
import { readSecret } from "../security/read-secret.ts";
import { FrameRecorder } from "../trace/frame-recorder.ts";
import { deviceOptions, deviceUsage, durationArgument, oneDevice } from "./device-arguments.ts";
import { findTarget, type Target, type TargetOptions } from "./device-target.ts";
import { numberArgument } from "./number-argument.ts";
import { StandaloneFleet } from "./standalone-fleet.ts";
import { stopSignal, untilAborted } from "./until-aborted.ts";
import { WarningLog } from "./warning-log.ts";

const usage = `Usage: linegate record DEVICE [--for TIME] [--out FILE] [options]
       linegate record DEVICE --from-gateway URL [--incident N] [--out FILE] [options]

Polls a device by its mapping and keeps the raw requests and responses with their times in a file, one JSON object a line,
until the time is over or Ctrl+C. linegate simulate --replay FILE is that device again. With --from-gateway nothing is
asked of the device: the last frames that a running gateway kept of it are saved, or those that it set aside at a fault;
its /frames lists them. Raw frames hold whatever the device says: look before you pass a recording on.

  linegate record mappings/factory/devices/press-1.yaml --for 10m --out press-1.ndjson
  linegate record press-1 --from-gateway http://127.0.0.1:9464 --incident 3

  --for TIME         how long, such as 10m (until Ctrl+C)
  --out FILE         where to (DEVICE.ndjson)
  --force            writes over a FILE that is there
  --from-gateway URL the HTTP listener of a running gateway; DEVICE is then the device's name
  --incident N       with --from-gateway: the frames around that fault
${deviceUsage}
`;

/** Resolves with the exit code: 1 where no device was recorded. */
export async function run(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...deviceOptions,
      for: text,
      out: text,
      "from-gateway": text,
      incident: text,
      force: { type: "boolean", default: false },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const device = oneDevice(positionals, "record mappings/factory/devices/press-1.yaml --for 10m");
  const { json, force, out } = values;
  const gateway = values["from-gateway"];
  if (gateway !== undefined) {
    const incident = numberArgument("--incident", values.incident);
    const name = nameOf(device);
    const file = out ?? `${name}${incident === undefined ? "" : `-incident-${incident}`}.ndjson`;
    const lines = await fromGateway(gateway, { device: name, incident }, values);
    await save(file, lines, force);
    tell({ file, frames: lines.split("\n").length - 2, dropped: 0, online: true }, json);
    return 0;
  }
  const target = await findTarget(device, values);
  const forMs = durationArgument("--for", values.for);
  const file = out ?? `${target.mapping.device}.ndjson`;
  const recorded = await record(target, { file, force, forMs });
  tell({ file, ...recorded }, json);
  return recorded.online && recorded.frames > 0 ? 0 : 1;
}

interface Recorded {
  readonly frames: number;
  readonly dropped: number;
  /** Whether the device was ever online. */
  readonly online: boolean;
}

async function record(
  target: Target,
  {
    file,
    force,
    forMs,
  }: { readonly file: string; readonly force: boolean; readonly forMs: number | undefined },
): Promise<Recorded> {
  if (target.mapping.tags.length === 0) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "There is nothing to poll: a recording needs a device file with tags. linegate browse with --write-mapping makes one.",
    );
  }
  using stop = stopSignal();
  const { device, adapter } = target.mapping;
  const recorder = await FrameRecorder.create(
    file,
    { device, adapter, mapping: target.mapping },
    { clock: systemClock, force },
  );
  let online = false;
  try {
    await using _fleet = await StandaloneFleet.start([target], {
      site: "record",
      log: new WarningLog((line) => console.error(line)),
      onReading: () => undefined,
      onState: (_, { state }) => {
        online ||= state === "online";
      },
      onFrame: (_, ...frame) => recorder.keep(...frame),
    });
    await untilAborted(stop, forMs === undefined ? undefined : forMs / 1_000, systemClock);
  } catch (caught) {
    await end(recorder, file, online);
    throw caught;
  }
  await end(recorder, file, online);
  return { frames: recorder.frames, dropped: recorder.dropped, online };
}

/** Where not a single frame came or went, no file is left: nobody could use it. */
async function end(recorder: FrameRecorder, file: string, online: boolean): Promise<void> {
  await recorder.close(online);
  if (recorder.frames === 0) await rm(file, { force: true });
}

function tell({ file, frames, dropped, online }: Recorded & { readonly file: string }, json: boolean): void {
  if (json) {
    console.log(JSON.stringify({ file, frames, dropped, online }));
    return;
  }
  const lost = dropped === 0 ? "" : `; ${dropped} more were lost, as the disk was too slow`;
  if (frames === 0) {
    console.error(`Nothing was recorded${online ? "" : ": the device was never online"}. No file was left.`);
  } else if (online) {
    console.log(`${file}: ${frames} frames${lost}`);
    console.log(`linegate simulate --replay ${file} is that device again.`);
  } else {
    console.error(
      `${file}: ${frames} frames${lost}. The device was never online: they show what was tried and what came, and are no device to simulate.`,
    );
  }
}

async function fromGateway(
  url: string,
  { device, incident }: { readonly device: string; readonly incident: number | undefined },
  { user, password }: TargetOptions,
): Promise<string> {
  const secrets = { siteDir: ".", environment: process.env };
  const secret = password === undefined ? "" : await readSecret(password, secrets);
  const query = new URLSearchParams({
    device,
    ...(incident === undefined ? {} : { incident: String(incident) }),
  });
  const headers: Record<string, string> =
    user === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString("base64")}` };
  const response = await answerOf(`${url.replace(/\/$/, "")}/frames?${query.toString()}`, headers, url);
  if (response.ok) return response.text();
  const why: Readonly<Record<number, string>> = {
    401: "it wants to know who asks: give --user and --password",
    404: `it has no frames of ${device}${incident === undefined ? "" : ` for the incident ${incident}`}; ${url}/frames lists what there is`,
  };
  throw new GatewayError(
    "CONFIG_INVALID",
    `${url}: ${why[response.status] ?? `it answers ${response.status}`}.`,
  );
}

async function answerOf(address: string, headers: Record<string, string>, url: string): Promise<Response> {
  try {
    return await fetch(address, { headers, signal: AbortSignal.timeout(10_000) });
  } catch (cause) {
    throw new GatewayError(
      "UPLINK_UNAVAILABLE",
      `No gateway answers at ${url}. It is the address of \`http.listen\` in gateway.yaml, such as http://127.0.0.1:9464.`,
      { cause },
    );
  }
}

/** The gateway knows devices by their names; a device file is mostly called by its device's. */
function nameOf(device: string): string {
  return (device.split("/").at(-1) ?? device).replace(/\.ya?ml$/, "");
}

async function save(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === "EEXIST" ? "it is there already; --force writes over it" : message;
    throw new GatewayError("CONFIG_INVALID", `${file} can't be written: ${why}.`, { cause });
  }
}
