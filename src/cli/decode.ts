import { parseArgs } from "node:util";
import type { DecodeQuestion, Decoding, RegisterDecoder } from "../adapter-kit/browse.ts";
import { adapterRegistry } from "../adapter-registry.ts";
import { flowEntry } from "../config/device-yaml.ts";
import { GatewayError } from "../domain/errors.ts";
import { encodeTagValue, plainText, type JsonValue } from "../domain/reading.ts";
import { deviceOptions, deviceUsage } from "./device-arguments.ts";
import { DeviceSession } from "./device-session.ts";
import { findTarget, findTargetWithTags, type TargetOptions } from "./device-target.ts";
import { numberArgument } from "./number-argument.ts";
import { table } from "./table.ts";
import { stopSignal } from "./until-aborted.ts";
import { WarningLog } from "./warning-log.ts";

const usage = `Usage: linegate decode REGISTER... [options]
       linegate decode DEVICE ADDRESS [--count N] [options]

The same registers in every type and order. With --shows only what fits what the device's own panel shows, moved by any
power of ten, the most likely first, each with the line for the mapping.

  linegate decode 0x4248 0x0000
  linegate decode mappings/factory/devices/press-1.yaml holding:40 --count 2 --shows 182.4 --unit bar

  --shows VALUE      what the panel shows, with the digits that it shows
  --unit UNIT        the unit, for the mapping line
  --name TAG         the tag's name, for the mapping line (value)
  --order ORDER      only this order: ABCD, CDAB, BADC, DCBA, or a usual name such as word-swap
  --count N          how many registers are read (2)
${deviceUsage}
`;

/** An operator looks at the first few; the rest is chance. */
const mostShown = 12;

/** Resolves with the exit code: 1 where nothing fits. */
export async function run(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...deviceOptions, shows: text, unit: text, name: text, order: text, count: text },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const question: DecodeQuestion = {
    ...(values.shows === undefined ? {} : { shows: values.shows }),
    ...(values.order === undefined ? {} : { order: values.order }),
  };
  const { decoder, registers, address } = await registersOf(positionals, values);
  const decodings = decoder.decode(registers, address === undefined ? question : { ...question, address });
  const line = (one: Decoding) => mappingLine(one, values.name ?? "value", values.unit);
  if (values.json) for (const one of decodings) console.log(jsonOf(one, line(one)));
  else print(registers, decodings, { shows: values.shows, line });
  return decodings.length === 0 ? 1 : 0;
}

interface Registers {
  readonly decoder: RegisterDecoder;
  readonly registers: readonly number[];
  readonly address?: string;
}

async function registersOf(
  positionals: readonly string[],
  values: TargetOptions & { readonly count?: string | undefined },
): Promise<Registers> {
  const [first] = positionals;
  if (first === undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "linegate decode takes registers, such as: linegate decode 0x4248 0x0000; or a device and an address.",
    );
  }
  if (/^(0x[0-9a-f]+|\d+)$/i.test(first)) {
    const decoder = (await adapterRegistry["modbus"]?.load())?.registers;
    if (decoder === undefined) throw new GatewayError("INTERNAL", "There is no decoder for registers.");
    return { decoder, registers: positionals.map(registerOf) };
  }
  const [device, address, ...rest] = positionals;
  if (device === undefined || address === undefined || rest.length > 0) {
    throw new GatewayError(
      "CONFIG_INVALID",
      "linegate decode takes a device and one address, such as: linegate decode mappings/factory/devices/press-1.yaml holding:40 --count 2",
    );
  }
  return readRegisters(device, address, numberArgument("--count", values.count) ?? 2, values);
}

function registerOf(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff) return value;
  throw new GatewayError(
    "CONFIG_INVALID",
    `${text} is no register. Allowed: 0 to 65535, or 0x0000 to 0xffff.`,
  );
}

async function readRegisters(
  device: string,
  address: string,
  count: number,
  options: TargetOptions,
): Promise<Registers> {
  const { module, mapping } = await findTarget(device, options);
  const decoder = module.registers;
  if (decoder === undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${device} has no registers: its adapter, ${mapping.adapter}, gives typed values. linegate read shows them.`,
    );
  }
  const entries = decoder.entries(address, count);
  const names = entries.map((entry) => plainText(entry["address"]));
  using stop = stopSignal();
  const target = await findTargetWithTags(device, { names, keys: keysOf(entries[0]) }, options);
  const log = new WarningLog((text) => console.error(text));
  await using session = await DeviceSession.open(target, { log, signal: stop });
  const samples = await session.read(target.tags);
  const bad = samples.find(({ quality }) => quality === "bad");
  if (bad !== undefined) {
    const [diagnosis] = (await session.adapter.diagnose?.([bad], stop)) ?? [];
    throw new GatewayError("DEVICE_REJECTED", diagnosis?.text ?? `${address} can't be read: ${bad.status}.`);
  }
  return { decoder, registers: samples.map(({ value }) => Number(value)), address };
}

/** What every entry says beside its address. */
function keysOf(entry: { readonly [key: string]: JsonValue } = {}): { readonly [key: string]: JsonValue } {
  return Object.fromEntries(Object.entries(entry).filter(([key]) => key !== "address"));
}

/** The line to be pasted under `tags:`. */
function mappingLine({ entry, scale }: Decoding, name: string, unit: string | undefined): string {
  const scaled = scale === undefined || scale === 1 ? {} : { scale };
  return `${name}: ${flowEntry({ ...entry, ...scaled, ...(unit === undefined ? {} : { unit }) })}`;
}

function jsonOf({ value, ...rest }: Decoding, line: string): string {
  return `${JSON.stringify(rest).slice(0, -1)},"value":${encodeTagValue(value)},"line":${JSON.stringify(line)}}`;
}

function print(
  registers: readonly number[],
  decodings: readonly Decoding[],
  { shows, line }: { readonly shows: string | undefined; readonly line: (one: Decoding) => string },
): void {
  const hex = registers.map((register) => `0x${register.toString(16).padStart(4, "0")}`);
  console.log(`${hex.join(" ")}   (${registers.join(" ")})\n`);
  if (decodings.length === 0) {
    console.log(
      `Nothing in these registers fits ${shows ?? ""}. Check that the panel showed it when they were read, or look at one address more or less.`,
    );
    return;
  }
  const shown = shows === undefined ? decodings : decodings.slice(0, mostShown);
  const columns = [
    { heading: "REGISTERS" },
    { heading: "TYPE" },
    { heading: "ORDER" },
    { heading: "VALUE", align: "right" },
    ...(shows === undefined ? [] : [{ heading: "SCALE", align: "right" } as const, { heading: "LINE" }]),
  ] as const;
  const rows = shown.map((one) => [
    one.registers === 1 ? `${one.start + 1}` : `${one.start + 1}–${one.start + one.registers}`,
    plainText(one.entry["type"]),
    plainText(one.entry["order"] ?? one.entry["stringOrder"] ?? usualOrder(one)),
    one.value === null
      ? "–"
      : typeof one.value === "string"
        ? JSON.stringify(one.value)
        : plainText(one.value),
    ...(shows === undefined ? [] : [String(one.scale ?? ""), line(one)]),
  ]);
  console.log(table(columns, rows));
  if (shown.length < decodings.length) {
    console.log(`\n… and ${decodings.length - shown.length} less likely ones; --json lists them all.`);
  }
}

/** The order that need not be written. */
function usualOrder({ registers, entry }: Decoding): string {
  if (registers === 1 || plainText(entry["type"]).startsWith("string")) return "AB";
  return registers === 2 ? "ABCD" : "ABCDEFGH";
}
