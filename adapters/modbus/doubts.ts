import type { Diagnosis, Sample } from "../../src/adapter-kit/index.ts";
import { isBitTable } from "./address.ts";
import { compileDecoder, encodeValue } from "./codec.ts";
import { registersOf } from "./data-type.ts";
import type { ModbusDevice, ModbusTag } from "./mapping.ts";
import { orderFor, type Order } from "./order.ts";
import { typeOf } from "./tag.ts";

const orders: readonly Order[] = ["ABCD", "CDAB", "BADC", "DCBA"];

/** Good samples whose values look like the right bytes in the wrong order. */
export function doubtValues(device: ModbusDevice, samples: readonly Sample[]): readonly Diagnosis[] {
  return samples.flatMap((sample) => {
    const tag = device.tags.find(({ name }) => name === sample.tag);
    if (tag === undefined || typeof sample.value !== "number") return [];
    const text = doubt(tag, device, sample.value);
    return text === undefined ? [] : [{ tag: tag.name, text }];
  });
}

function doubt(tag: ModbusTag, device: ModbusDevice, value: number): string | undefined {
  const { address } = tag.options;
  const type = typeOf(tag.options);
  if (isBitTable(address.table) || address.bit !== undefined || registersOf(type) === 1) return undefined;
  const float = type.kind === "float32" || type.kind === "float64";
  if (!float && type.kind !== "int32" && type.kind !== "uint32") return undefined;
  if (!Number.isFinite(value)) {
    return "The registers hold no number (NaN or infinity). The device may say so on purpose; else the byte order is wrong: `linegate decode` shows every order.";
  }
  if (!(float ? isAbsurdFloat(value) : isSwappedInteger(value))) return undefined;
  const bytes = encodeValue(tag, device.options, value);
  const own = orderFor(tag.options.order ?? device.options.order, bytes.length);
  for (const order of orders.map((each) => orderFor(each, bytes.length))) {
    if (order === own) continue;
    const other = compileDecoder({ ...tag, options: { ...tag.options, order } }, device.options)(bytes, 0);
    if (typeof other !== "number" || !(float ? isUsualFloat(other) : isSmall(other))) continue;
    return `${shortest(value)} can hardly be meant: in the order ${order} the same registers say ${shortest(other)}. This looks like the wrong word order: try order: ${order}.`;
  }
  return undefined;
}

/** A float far from anything that machines measure, as swapped words mostly make it. */
function isAbsurdFloat(value: number): boolean {
  const size = Math.abs(value);
  return size !== 0 && (size > 1e12 || size < 1e-9);
}

function isUsualFloat(value: number): boolean {
  const size = Math.abs(value);
  return size >= 1e-4 && size <= 1e8;
}

/** A small number whose words are swapped: nothing but zeros in its lower half. */
function isSwappedInteger(value: number): boolean {
  return value !== 0 && value % 65_536 === 0;
}

function isSmall(value: number): boolean {
  return Math.abs(value) < 65_536;
}

function shortest(value: number): string {
  return String(Number(value.toPrecision(7)));
}
