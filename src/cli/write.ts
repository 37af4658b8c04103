import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { parseJson } from "../adapter-kit/json-document.ts";
import type { TagMapping } from "../adapter-kit/mapping.ts";
import { GatewayError, toGatewayError } from "../domain/errors.ts";
import { nearestName } from "../domain/nearest.ts";
import { encodeTagValue, plainText, type TagValue } from "../domain/reading.ts";
import { guardWrite, isSameRaw } from "../services/commands/guard.ts";
import { mayBeWritten, stageAfter } from "../services/commands/write-attempt.ts";
import { deviceAnd, deviceOptions, deviceUsage } from "./device-arguments.ts";
import { DeviceSession } from "./device-session.ts";
import { findTarget, type Target } from "./device-target.ts";
import { shownTag, withUnit } from "./tag-value.ts";
import { stopSignal } from "./until-aborted.ts";
import { WarningLog } from "./warning-log.ts";

const usage = `Usage: linegate write DEVICE TAG VALUE [options]

Writes one value, in the tag's unit, and reads it back. The same rules hold as in the gateway: only tags with a \`write\`
entry, of the tag's type, within its limits. On a terminal it asks first. Exit 1 where the device does not hold the value.

  linegate write mappings/factory/devices/press-1.yaml motor/setpoint 1200

  --yes              does not ask
${deviceUsage}
`;

/** How long a device that speaks by itself is waited for before and after. */
const patienceMs = 2_000;

/** Resolves with the exit code: 0 where the device holds what was written, or there is no telling. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: withNegativeValue(args),
    allowPositionals: true,
    options: { ...deviceOptions, yes: { type: "boolean", default: false } },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const example = "write mappings/factory/devices/press-1.yaml motor/setpoint 1200";
  const { device, rest } = deviceAnd(positionals, example);
  const [name, text, ...more] = rest;
  if (name === undefined || text === undefined || more.length > 0) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `linegate write takes a device, a tag and a value: linegate ${example}`,
    );
  }
  using stop = stopSignal();
  const target = await findTarget(device, values);
  const tag = tagOf(target, name);
  const label = `${target.mapping.device}/${name}`;
  const value = valueOf(text, tag, label);
  const raw = guardWrite(value, tag, label);
  if (!values.yes && !process.stdin.isTTY) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "Nobody can be asked for a yes here. Say --yes to write all the same.",
    );
  }
  await using session = await DeviceSession.open(target, {
    log: new WarningLog((line) => console.error(line)),
    signal: stop,
  });
  const [before] = await session.read([name], patienceMs);
  const held = before === undefined ? "" : withUnit(shownTag(before, tag).value, tag.unit);
  if (
    !values.yes &&
    !(await agrees(`${label} is ${held}. Write ${withUnit(value, tag.unit)}? [y/N] `, stop))
  ) {
    console.error("Nothing was written.");
    return 1;
  }
  // Awaited here: the session ends with this block.
  return await write(session, { tag, label, value, raw, json: values.json, signal: stop });
}

interface Order {
  readonly tag: TagMapping;
  readonly label: string;
  readonly value: TagValue;
  readonly raw: TagValue;
  readonly json: boolean;
  readonly signal: AbortSignal;
}

async function write(
  session: DeviceSession,
  { tag, label, value, raw, json, signal }: Order,
): Promise<number> {
  const { adapter } = session;
  if (adapter.write === undefined) {
    throw new GatewayError("WRITE_REFUSED", `${label} can't be written to: its adapter only reads.`);
  }
  await adapter.write([{ tag: tag.name, value: raw }], signal).catch(toldOpenEnd);
  const canRead = adapter.read !== undefined;
  const [after] = canRead ? await session.read([tag.name]) : [];
  const readBack = after === undefined ? null : shownTag(after, tag).value;
  const same = after !== undefined && isSameRaw(raw, after.value, tag);
  const ok = !canRead || tag.write?.answers === true || same;
  if (json) {
    const back = canRead ? `,"readBack":${encodeTagValue(readBack)}` : "";
    console.log(`{"ok":${ok},"tag":${JSON.stringify(tag.name)},"value":${encodeTagValue(value)}${back}}`);
  } else if (!canRead)
    console.log(`${label}: ${withUnit(value, tag.unit)} was sent; this device can't be asked what it holds.`);
  else if (ok) console.log(`${label}: ${withUnit(readBack, tag.unit)}, read back from the device.`);
  else
    console.error(
      `${label}: ${withUnit(value, tag.unit)} was sent, but the device holds ${withUnit(readBack, tag.unit)}.`,
    );
  return ok ? 0 : 1;
}

/** Whoever wrote must know what may have become of it. */
function toldOpenEnd(caught: unknown): never {
  const error = toGatewayError(caught);
  const { code, message, context } = error;
  throw new GatewayError(code, `${message} ${mayBeWritten({ stage: stageAfter(error) })}`, { context });
}

/** `-5` is a value, no option. */
function withNegativeValue(args: readonly string[]): string[] {
  const at = args.findIndex((arg) => /^-\d/.test(arg));
  return at < 0 ? [...args] : [...args.slice(0, at), ...args.slice(at + 1), "--", args[at] ?? ""];
}

function tagOf({ mapping }: Target, name: string): TagMapping {
  const tag = mapping.tags.find((candidate) => candidate.name === name);
  if (tag !== undefined) return tag;
  const names = mapping.tags.map((candidate) => candidate.name);
  const meant = nearestName(name, names);
  const writable = mapping.tags.filter(({ write }) => write !== undefined).map((candidate) => candidate.name);
  const allowed = writable.length === 0 ? "none of its tags has a `write` entry" : writable.join(", ");
  throw new GatewayError(
    "WRITE_REFUSED",
    `${mapping.device} has no tag ${name}.${meant === undefined ? "" : ` Did you mean ${meant}?`} Allowed: ${allowed}.`,
  );
}

/** The value as a write request would carry it. */
function valueOf(text: string, { value }: TagMapping, label: string): TagValue {
  switch (value.kind) {
    case "boolean": {
      const word = text.toLowerCase();
      if (["true", "on", "1"].includes(word)) return true;
      if (["false", "off", "0"].includes(word)) return false;
      throw new GatewayError("WRITE_REFUSED", `${label}: expected true or false, got ${text}.`);
    }
    case "integer":
    case "float": {
      const number = Number(text);
      if (text.trim() === "" || !Number.isFinite(number)) {
        throw new GatewayError("WRITE_REFUSED", `${label}: expected a number, got ${text}.`);
      }
      return Number.isSafeInteger(number) || !/^-?\d+$/.test(text) ? number : text;
    }
    case "string":
      return text;
    case "json":
      return jsonOf(text, label);
  }
}

function jsonOf(text: string, label: string): TagValue {
  try {
    const value = parseJson(text) as TagValue | null;
    if (value !== null) return value;
  } catch {
    // Told below, as null is.
  }
  throw new GatewayError(
    "WRITE_REFUSED",
    `${label}: expected JSON, such as {"a":1}, got ${plainText(text)}.`,
  );
}

async function agrees(question: string, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question, { signal })).trim());
  } catch {
    // Ctrl+C, or the end of the input: no yes.
    return false;
  } finally {
    terminal.close();
  }
}
