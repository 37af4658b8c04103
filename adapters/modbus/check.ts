import type { MappingIssue } from "../../src/adapter-kit/schema.ts";
import { formatAddress, isBitTable, lastOffset, type Hole } from "./address.ts";
import { formatDataType, registersOf } from "./data-type.ts";
import type { ModbusDevice, ModbusTag } from "./mapping.ts";
import { orderFor } from "./order.ts";
import { maxLength, touches } from "./planner.ts";
import { limitsOf, spanOf, typeOf } from "./tag.ts";

/** FC 16 carries two registers less than FC 3 (Modbus V1.1b3 §6.12). */
const mostWrittenRegisters = 123;

/** Everything that is wrong across the keys of a device, found without asking it. */
export function checkDevice(device: ModbusDevice): readonly MappingIssue[] {
  return device.tags.flatMap((tag) => [
    ...checkType(tag),
    ...checkOrder(tag, device),
    ...checkSpan(tag, device),
    ...checkWrite(tag),
  ]);
}

function checkType(tag: ModbusTag): MappingIssue[] {
  const { address } = tag.options;
  const type = formatDataType(typeOf(tag.options));
  if (type === "bool") return [];
  const path = ["tags", tag.name, "type"];
  if (isBitTable(address.table)) {
    const message = `${formatAddress(address)} is a single bit and can't hold ${type}`;
    return [{ path, message, allowed: "bool, or an address in holding or input" }];
  }
  if (address.bit === undefined) return [];
  const message = `${formatAddress(address)} names one bit of a register and can't hold ${type}`;
  return [{ path, message, allowed: "bool, or the address without its bit" }];
}

/** An order written for four bytes says what it means for two or eight as well; no other size carries over. */
function checkOrder(tag: ModbusTag, device: ModbusDevice): MappingIssue[] {
  const { address, order, stringOrder } = tag.options;
  const type = typeOf(tag.options);
  const issues: MappingIssue[] = [];
  const at = (key: string) => ["tags", tag.name, key];
  if (stringOrder !== undefined && type.kind !== "string") {
    const message = `stringOrder has no meaning for ${formatDataType(type)}`;
    issues.push({ path: at("stringOrder"), message, allowed: "order", meant: "order" });
  }
  if (order !== undefined && type.kind === "string") {
    const message = "order is never applied to the characters of a string";
    issues.push({ path: at("order"), message, allowed: "stringOrder: AB or BA", meant: "stringOrder" });
  } else if (order !== undefined && isBitTable(address.table)) {
    const message = `${formatAddress(address)} is a single bit and has no byte order`;
    issues.push({ path: at("order"), message, allowed: "no order" });
  }
  const effective = order ?? device.options.order;
  const bytes = 2 * registersOf(type);
  const ambiguous = effective.length === 2 && bytes > 2;
  const tooLong = order !== undefined && order.length === 8 && bytes < 8;
  if (type.kind !== "string" && !isBitTable(address.table) && (ambiguous || tooLong)) {
    const names = ["ABCD", "CDAB", "BADC", "DCBA"] as const;
    const allowed = [...new Set(names.map((name) => orderFor(name, bytes)))].join(", ");
    const where = order === undefined ? " (the device's order)" : "";
    const message = `order ${effective}${where} is for ${8 * effective.length} bits; ${formatDataType(type)} has ${8 * bytes}`;
    issues.push({
      path: at("order"),
      message,
      allowed,
      ...(tooLong && { meant: orderFor(effective, bytes) }),
    });
  }
  return issues;
}

function checkSpan(tag: ModbusTag, device: ModbusDevice): MappingIssue[] {
  const span = spanOf(tag);
  const { table, start, length } = span;
  const type = formatDataType(typeOf(tag.options));
  const path = ["tags", tag.name, "address"];
  const last = start + length - 1;
  if (last > lastOffset) {
    const message = `${type} at ${table}:${start} reaches ${table}:${last}, beyond the last address ${lastOffset}`;
    return [{ path, message, allowed: `at most ${table}:${lastOffset + 1 - length}` }];
  }
  const limits = limitsOf(device.options);
  const most = maxLength(table, limits);
  if (length > most) {
    const message = `${type} takes ${length} registers, and requests.maxRegisters is ${most}: it can't be read in one piece`;
    return [{ path: ["tags", tag.name, "type"], message, allowed: `at most ${most} registers` }];
  }
  const hole = limits.holes.find((each) => touches(span, each));
  if (hole === undefined) return [];
  const message = `${table}:${start} is read for this tag, but requests.holes says never to read ${formatHole(hole)}`;
  return [{ path, message, allowed: "an address outside the holes" }];
}

function checkWrite(tag: ModbusTag): MappingIssue[] {
  if (tag.write === undefined) return [];
  const { table } = tag.options.address;
  const path = ["tags", tag.name, "write"];
  if (table === "discrete" || table === "input") {
    const message = `the table ${table} can't be written to`;
    const meant = table === "discrete" ? "coil" : "holding";
    return [{ path, message, allowed: "tags in the tables coil and holding", meant }];
  }
  const registers = spanOf(tag).length;
  if (registers <= mostWrittenRegisters) return [];
  const message = `${formatDataType(typeOf(tag.options))} takes ${registers} registers, and one write carries ${mostWrittenRegisters}`;
  return [{ path, message, allowed: `at most string(${2 * mostWrittenRegisters})` }];
}

function formatHole({ table, start, end }: Hole): string {
  return start === end ? `${table}:${start}` : `${table}:${start}..${end}`;
}
