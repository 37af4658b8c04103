import { isBitTable } from "./address.ts";
import { registersOf, type DataType } from "./data-type.ts";
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
  const { table, offset } = tag.options.address;
  const length = isBitTable(table) ? 1 : registersOf(typeOf(tag.options));
  return { tag, table, start: offset, length };
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

/** The device's cost model, as the planner takes it: the pause between requests is a part of each request. */
export function costModelOf(connection: ModbusConnection, { requests }: ModbusOptions): CostModel {
  return {
    requestMs: requests.cost.request + connection.pauseBetweenRequests,
    registerMs: requests.cost.register,
  };
}
