import { isBitTable } from "./address.ts";
import { registersOf, type DataType } from "./data-type.ts";
import { drainedAfterMs, timingOf } from "./line-timing.ts";
import type { ModbusConnection, ModbusOptions, ModbusTag, ModbusTagOptions } from "./mapping.ts";
import { layoutOf, type Layout } from "./order.ts";
import type { CostModel, RequestLimits, TagSpan } from "./planner.ts";

/** The tag's type: its own, else `bool` where the address names a bit, else `uint16`. */
export function typeOf(tag: ModbusTagOptions): DataType {
  if (tag.type !== undefined) return tag.type;
  const oneBit = isBitTable(tag.address.table) || tag.address.bit !== undefined;
  return { kind: oneBit ? "bool" : "uint16" };
}

/** How the tag's bytes stand on the wire: its own order, else the device's; strings follow `stringOrder` alone. */
export function tagLayout(tag: ModbusTagOptions, device: ModbusOptions): Layout {
  if (typeOf(tag).kind === "string") return layoutOf(tag.stringOrder ?? device.stringOrder);
  return layoutOf(tag.order ?? device.order);
}

/** What the tag needs of its table: registers, or bits for coils and discrete inputs. */
export function spanOf(tag: ModbusTag): TagSpan<ModbusTag> {
  const { address, event } = tag.options;
  const { table, offset } = address;
  const length = isBitTable(table) ? 1 : registersOf(typeOf(tag.options));
  return { tag, table, start: offset, length, ...(event === true && { event }) };
}

/** The device's limits, as the planner takes them. */
export function limitsOf({ requests }: ModbusOptions): RequestLimits {
  return {
    maxRegisters: requests.maxRegisters,
    maxBits: requests.maxBits,
    holes: requests.holes,
    oneRequestPerTag: requests.grouping === "per-tag",
  };
}

/** Characters of a request, and of an answer without its data, in RTU and in ASCII. */
const rtuCharacters = { request: 8, answer: 5, byte: 1 };
const asciiCharacters = { request: 17, answer: 11, byte: 2 };

/**
 * The device's cost model, as the planner takes it: the pause between requests is a part of each request, and so are
 * the characters on a serial line and the silence after them.
 */
export function costModelOf(connection: ModbusConnection, { requests }: ModbusOptions): CostModel {
  const { characterMs, silenceMs } = timingOf(connection);
  const characters = connection.transport === "ascii" ? asciiCharacters : rtuCharacters;
  const frame = (characters.request + characters.answer) * characterMs;
  return {
    requestMs: requests.cost.request + frame + Math.max(silenceMs, connection.pauseBetweenRequests),
    registerMs: requests.cost.register + 2 * characters.byte * characterMs,
  };
}

/** How long a read that nobody answers keeps the bus, in ms: after it a line has to fall silent. */
export function unansweredMsOf(connection: ModbusConnection): number {
  const { characterMs } = timingOf(connection);
  const characters = connection.transport === "ascii" ? asciiCharacters : rtuCharacters;
  const drained = connection.transport === "tcp" ? 0 : drainedAfterMs;
  return characters.request * characterMs + connection.timeout + drained;
}
