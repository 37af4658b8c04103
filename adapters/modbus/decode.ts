import {
  GatewayError,
  ms,
  type DecodeQuestion,
  type Decoding,
  type TagValue,
} from "../../src/adapter-kit/index.ts";
import { formatAddress, isBitTable, lastOffset, parseAddress, type Address } from "./address.ts";
import { compileDecoder } from "./codec.ts";
import { formatDataType, plainKinds, registersOf, type DataType } from "./data-type.ts";
import { matchShown } from "./decode-match.ts";
import type { ModbusOptions } from "./mapping.ts";
import { isMistake, type Mistake } from "./mistake.ts";
import { orderFor, parseOrder, type Order } from "./order.ts";
import { valueSpecOf } from "./data-type.ts";

/** Every field that decoding a tag with an order of its own looks at stands in the tag. */
const neutral: ModbusOptions = {
  order: "ABCD",
  stringOrder: "AB",
  requests: {
    maxRegisters: 125,
    maxBits: 2_000,
    holes: [],
    grouping: "least-time",
    cost: { request: ms(5), register: ms(0.01) },
  },
  writes: { bits: "read-modify-write", single: "single" },
};

const wideOrders: readonly Order[] = ["ABCD", "CDAB", "BADC", "DCBA"];
const narrowOrders: readonly Order[] = ["AB", "BA"];
/** As many registers as anybody types or an operator can overlook. */
const mostRegisters = 125;

/** One candidate before it is compared with what the panel shows. */
export interface Candidate extends Decoding {
  readonly type: DataType;
  readonly order: Order;
}

/**
 * The registers in every type and order, wherever a value of the type can begin. Where the panel shows something, only
 * what fits that, up to a power of ten, the most likely first. Throws CONFIG_INVALID.
 */
export function decodeRegisters(registers: readonly number[], question: DecodeQuestion): readonly Decoding[] {
  if (registers.length === 0 || registers.length > mostRegisters) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `There is something to decode in 1 to ${mostRegisters} registers.`,
    );
  }
  const base = question.address === undefined ? undefined : registerAddress(question.address);
  const wanted = question.order === undefined ? undefined : orderOf(question.order);
  const data = Buffer.alloc(2 * registers.length);
  for (const [index, register] of registers.entries()) data.writeUInt16BE(register, 2 * index);
  const found = typesFor(registers.length).flatMap((type) => {
    const size = registersOf(type);
    const starts = type.kind === "string" ? [0] : [...Array(registers.length - size + 1).keys()];
    return starts.flatMap((start) =>
      ordersOf(type, wanted).map((order) => candidate(data, { type, order, start, size, base })),
    );
  });
  const sorted = found.toSorted((one, other) => one.start - other.start);
  return (question.shows === undefined ? sorted : matchShown(sorted, question.shows)).map(plain);
}

/** The entries that read the registers one by one. Throws CONFIG_INVALID. */
export function registerEntries(
  address: string,
  count: number,
): readonly { readonly address: string; readonly type: string }[] {
  const first = registerAddress(address);
  if (
    !Number.isInteger(count) ||
    count < 1 ||
    count > mostRegisters ||
    first.offset + count - 1 > lastOffset
  ) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${count} registers from ${address} on can't be read. Allowed: 1 to ${mostRegisters}, none beyond ${lastOffset}.`,
    );
  }
  return Array.from({ length: count }, (_, index) => ({
    address: formatAddress({ table: first.table, offset: first.offset + index }),
    type: "uint16",
  }));
}

interface Cut {
  readonly type: DataType;
  readonly order: Order;
  readonly start: number;
  readonly size: number;
  readonly base: Address | undefined;
}

function candidate(data: Buffer, { type, order, start, size, base }: Cut): Candidate {
  const address: Address = { table: base?.table ?? "holding", offset: (base?.offset ?? 0) + start };
  const text = type.kind === "string";
  const own = text ? { stringOrder: order === "BA" ? ("BA" as const) : ("AB" as const) } : { order };
  const tag = {
    name: "value",
    options: { address, type, ...own },
    value: valueSpecOf(type),
    scale: 1,
    offset: 0,
  };
  const value: TagValue | undefined = compileDecoder(tag, neutral)(data, 2 * start);
  // An order that is the protocol's own need not be written down.
  const written = order === "AB" || order === "ABCD" || order === "ABCDEFGH" ? {} : own;
  const at = base === undefined ? {} : { address: formatAddress(address) };
  return {
    type,
    order,
    start,
    registers: size,
    value: value ?? null,
    entry: { ...at, type: formatDataType(type), ...written },
  };
}

function plain({ entry, start, registers, value, scale }: Candidate): Decoding {
  return { entry, start, registers, value, ...(scale === undefined ? {} : { scale }) };
}

function typesFor(registers: number): DataType[] {
  const kinds = plainKinds.filter((kind) => kind !== "bool" && registersOf({ kind }) <= registers);
  return [...kinds.map((kind) => ({ kind })), { kind: "string", length: 2 * registers }];
}

function ordersOf(type: DataType, wanted: Order | undefined): readonly Order[] {
  const size = registersOf(type);
  const narrow = size === 1 || type.kind === "string";
  const all = narrow ? narrowOrders : wideOrders.map((order) => orderFor(order, 2 * size));
  if (wanted === undefined) return all;
  const same = orderFor(wanted, narrow ? 2 : 2 * size);
  return all.filter((order) => order === same);
}

function registerAddress(text: string): Address {
  const address = parseAddress(text);
  if (isMistake(address)) throw unclear(address);
  if (isBitTable(address.table) || address.bit !== undefined) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${text} is a single bit: there is nothing to decode. Allowed: a register, such as holding:40 or input:7.`,
    );
  }
  return address;
}

function orderOf(text: string): Order {
  const order = parseOrder(text);
  if (isMistake(order)) throw unclear(order);
  return order;
}

function unclear({ message, allowed, meant }: Mistake): GatewayError {
  const parts = [`${message}.`];
  if (allowed !== undefined) parts.push(`Allowed: ${allowed}.`);
  if (meant !== undefined) parts.push(`Did you mean ${meant}?`);
  return new GatewayError("CONFIG_INVALID", parts.join(" "));
}
