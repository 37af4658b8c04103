import type { Table } from "./tables.ts";
import type { Unit } from "./unit.ts";

/** An answer with an exception code, Modbus V1.1b3 §7. */
export function exceptionPdu(functionCode: number, code: number): Buffer {
  return Buffer.from([functionCode | 0x80, code]);
}

const illegalFunction = 1;
const illegalAddress = 2;
const illegalValue = 3;

/** Answers one request PDU as the unit: a response PDU, or one with an exception. Modbus V1.1b3 §6. */
export function answerPdu(unit: Unit, request: Buffer): Buffer {
  const functionCode = request.readUInt8(0);
  const answered = unit.functions.has(functionCode) ? dispatch(unit, functionCode, request) : illegalFunction;
  return typeof answered === "number" ? exceptionPdu(functionCode, answered) : answered;
}

function dispatch(unit: Unit, functionCode: number, request: Buffer): Buffer | number {
  if (functionCode === 43) return identify(unit, request);
  if (request.length < 5) return illegalValue;
  const address = request.readUInt16BE(1);
  const quantity = request.readUInt16BE(3);
  switch (functionCode) {
    case 1:
      return readBits(unit, unit.coil, functionCode, address, quantity);
    case 2:
      return readBits(unit, unit.discrete, functionCode, address, quantity);
    case 3:
      return readRegisters(unit, unit.holding, functionCode, address, quantity);
    case 4:
      return readRegisters(unit, unit.input, functionCode, address, quantity);
    case 5:
      if (quantity !== 0 && quantity !== 0xff00) return illegalValue;
      return writeEcho(unit, "coil", address, [quantity === 0 ? 0 : 1], request.subarray(0, 5));
    case 6:
      return writeEcho(unit, "holding", address, [quantity], request.subarray(0, 5));
    case 15:
      return writeCoils(unit, request, address, quantity);
    case 16:
      return writeRegisters(unit, request, address, quantity);
    case 22:
      return maskWrite(unit, request, address);
    case 23:
      return readWriteRegisters(unit, request, address, quantity);
    default:
      return illegalFunction;
  }
}

function readBits(unit: Unit, table: Table, fc: number, address: number, quantity: number): Buffer | number {
  if (quantity < 1 || quantity > unit.limits.readBits) return illegalValue;
  if (!table.has(address, quantity)) return illegalAddress;
  const response = Buffer.alloc(2 + Math.ceil(quantity / 8));
  response[0] = fc;
  response[1] = response.length - 2;
  for (let index = 0; index < quantity; index += 1) {
    if (table.get(address + index) === 0) continue;
    const at = 2 + (index >> 3);
    response[at] = (response[at] ?? 0) | (1 << (index & 7));
  }
  return response;
}

function readRegisters(
  unit: Unit,
  table: Table,
  fc: number,
  address: number,
  quantity: number,
): Buffer | number {
  if (quantity < 1 || quantity > unit.limits.readRegisters) return illegalValue;
  if (!table.has(address, quantity)) return illegalAddress;
  const response = Buffer.alloc(2 + quantity * 2);
  response[0] = fc;
  response[1] = quantity * 2;
  for (let index = 0; index < quantity; index += 1) {
    response.writeUInt16BE(table.get(address + index), 2 + index * 2);
  }
  return response;
}

/** Writes answer with the beginning of their own request. */
function writeEcho(
  unit: Unit,
  table: "coil" | "holding",
  address: number,
  values: readonly number[],
  echo: Buffer,
): Buffer | number {
  if (!unit[table].writable(address, values.length)) return illegalAddress;
  unit.store(table, address, values);
  return Buffer.from(echo);
}

function writeCoils(unit: Unit, request: Buffer, address: number, quantity: number): Buffer | number {
  const bytes = request[5] ?? 0;
  if (quantity < 1 || quantity > unit.limits.writeBits) return illegalValue;
  if (bytes !== Math.ceil(quantity / 8) || request.length !== 6 + bytes) return illegalValue;
  const values = Array.from(
    { length: quantity },
    (_, index) => ((request[6 + (index >> 3)] ?? 0) >> (index & 7)) & 1,
  );
  return writeEcho(unit, "coil", address, values, request.subarray(0, 5));
}

function writeRegisters(unit: Unit, request: Buffer, address: number, quantity: number): Buffer | number {
  if (quantity < 1 || quantity > unit.limits.writeRegisters) return illegalValue;
  if (request[5] !== quantity * 2 || request.length !== 6 + quantity * 2) return illegalValue;
  return writeEcho(unit, "holding", address, words(request, 6, quantity), request.subarray(0, 5));
}

/** §6.16: result = (current AND and-mask) OR (or-mask AND NOT and-mask). */
function maskWrite(unit: Unit, request: Buffer, address: number): Buffer | number {
  if (request.length !== 7) return illegalValue;
  const and = request.readUInt16BE(3);
  const or = request.readUInt16BE(5);
  const value = (unit.holding.get(address) & and) | (or & ~and & 0xffff);
  return writeEcho(unit, "holding", address, [value], request);
}

/** §6.17: the write comes first, then the read. */
function readWriteRegisters(unit: Unit, request: Buffer, address: number, quantity: number): Buffer | number {
  if (request.length < 10) return illegalValue;
  const writeAddress = request.readUInt16BE(5);
  const writeQuantity = request.readUInt16BE(7);
  if (writeQuantity < 1 || writeQuantity > Math.min(121, unit.limits.writeRegisters)) return illegalValue;
  if (request[9] !== writeQuantity * 2 || request.length !== 10 + writeQuantity * 2) return illegalValue;
  if (!unit.holding.has(address, quantity)) return illegalAddress;
  const values = words(request, 10, writeQuantity);
  const written = writeEcho(unit, "holding", writeAddress, values, request);
  return typeof written === "number" ? written : readRegisters(unit, unit.holding, 23, address, quantity);
}

function words(request: Buffer, offset: number, quantity: number): number[] {
  return Array.from({ length: quantity }, (_, index) => request.readUInt16BE(offset + index * 2));
}

/** §6.21: MEI type 14, streams (1 to 3) and single objects (4), all in one response. */
function identify(unit: Unit, request: Buffer): Buffer | number {
  if (request[1] !== 14 || request.length !== 4) return illegalFunction;
  const code = request[2] ?? 0;
  if (code < 1 || code > 4) return illegalValue;
  const wanted = Object.entries(unit.identification)
    .map(([id, text]) => ({ id: Number(id), text }))
    .filter(({ id }) => (code === 4 ? id === request[3] : id >= (request[3] ?? 0)));
  if (wanted.length === 0) return illegalAddress;
  const objects = wanted.map(({ id, text }) =>
    Buffer.concat([Buffer.from([id, text.length]), Buffer.from(text)]),
  );
  return Buffer.concat([Buffer.from([43, 14, code, 0x81, 0, 0, objects.length]), ...objects]);
}
