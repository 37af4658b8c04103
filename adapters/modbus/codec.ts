import { GatewayError, plainText, type TagValue } from "../../src/adapter-kit/index.ts";
import { isBitTable } from "./address.ts";
import { formatDataType, registersOf, valueSpecOf, type DataType } from "./data-type.ts";
import type { ModbusOptions, ModbusTag } from "./mapping.ts";
import { tagLayout, typeOf } from "./tag.ts";

/**
 * Reads one tag's value out of a response.
 *
 * `data` is what follows the byte count: registers, two bytes each, the high byte first, or bits, the first in the
 * least significant bit of the first byte (Modbus V1.1b3 §6.1, §6.3). `offset` says where the tag starts in it:
 * in bytes for registers, in bits for coils and discrete inputs. The data must reach far enough.
 *
 * Undefined where the bits stand for no value of the tag's type, which only BCD knows: a nibble above 9. Such a
 * sample is bad, with the status `undecodableStatus`. NaN and the infinities are values here; what becomes of them
 * is decided where samples become readings.
 */
export type Decoder = (data: Buffer, offset: number) => TagValue | undefined;

/** The status of a sample whose decoder gave undefined. */
export const undecodableStatus = "InvalidBcd";

/** Makes the decoder of a tag: every choice that the mapping decides is made here, none per value. */
export function compileDecoder(tag: ModbusTag, device: ModbusOptions): Decoder {
  const { address } = tag.options;
  if (isBitTable(address.table)) {
    return (data, offset) => ((data.readUInt8(offset >> 3) >> (offset & 7)) & 1) === 1;
  }
  if (address.bit !== undefined) {
    const mask = registerMask(tag, device);
    return (data, offset) => (data.readUInt16BE(offset) & mask) !== 0;
  }
  const type = typeOf(tag.options);
  const read = readerOf(type);
  const flip = flipOf(tag, device);
  if (flip === 0) return read;
  const size = 2 * registersOf(type);
  const straight = Buffer.alloc(size);
  return (data, offset) => {
    for (let index = 0; index < size; index += 1) straight[index] = data.readUInt8(offset + (index ^ flip));
    return read(straight, 0);
  };
}

/**
 * The exact inverse of the tag's decoder: what a write request carries for the tag.
 *
 * For registers their bytes, the high one first. For a coil one byte, 1 or 0. For one bit of a register the two bytes
 * of the register with at most that bit set, to be merged with the others under `registerMask`.
 * Throws WRITE_REFUSED where the value is not one of the tag's type.
 */
export function encodeValue(tag: ModbusTag, device: ModbusOptions, value: TagValue): Buffer {
  const { address } = tag.options;
  const type = typeOf(tag.options);
  if (isBitTable(address.table)) return Buffer.of(flag(tag, value) ? 1 : 0);
  if (address.bit !== undefined) {
    const bits = Buffer.alloc(2);
    bits.writeUInt16BE(flag(tag, value) ? registerMask(tag, device) : 0);
    return bits;
  }
  const straight = straightBytes(tag, type, value);
  const flip = flipOf(tag, device);
  return flip === 0 ? straight : Buffer.from(straight.map((_, index) => straight[index ^ flip] ?? 0));
}

/** For a tag that is one bit of a register: that bit of the register as it is on the wire; 0 for other tags. */
export function registerMask(tag: ModbusTag, device: ModbusOptions): number {
  const { bit } = tag.options.address;
  if (bit === undefined) return 0;
  return 1 << (tagLayout(tag.options, device).bytesSwapped ? bit ^ 8 : bit);
}

/**
 * Byte `i` of the value, the most significant first, is byte `i ^ flip` on the wire. As sizes are powers of two,
 * flipping the lowest bit of an index swaps the bytes of each register, and flipping all others reverses the registers.
 * Orders of strings know the former alone.
 */
function flipOf(tag: ModbusTag, device: ModbusOptions): number {
  const type = typeOf(tag.options);
  const { bytesSwapped, wordsSwapped } = tagLayout(tag.options, device);
  const registers = wordsSwapped ? 2 * (registersOf(type) - 1) : 0;
  return registers | (bytesSwapped ? 1 : 0);
}

/** Reads a value whose bytes stand in the order ABCD…. */
function readerOf(type: DataType): Decoder {
  switch (type.kind) {
    case "bool":
      return (data, offset) => data.readUInt16BE(offset) !== 0;
    case "int16":
      return (data, offset) => data.readInt16BE(offset);
    case "uint16":
      return (data, offset) => data.readUInt16BE(offset);
    case "int32":
      return (data, offset) => data.readInt32BE(offset);
    case "uint32":
      return (data, offset) => data.readUInt32BE(offset);
    case "int64":
      return (data, offset) => data.readBigInt64BE(offset);
    case "uint64":
      return (data, offset) => data.readBigUInt64BE(offset);
    case "float32":
      return (data, offset) => data.readFloatBE(offset);
    case "float64":
      return (data, offset) => data.readDoubleBE(offset);
    case "bcd16":
      return (data, offset) => fromBcd(data.readUInt16BE(offset));
    case "bcd32":
      return (data, offset) => fromBcd(data.readUInt32BE(offset));
    case "string":
      return (data, offset) => readText(data, offset, type.length);
  }
}

/** A digit in each nibble; undefined where a nibble is none. */
function fromBcd(bits: number): number | undefined {
  let value = 0;
  for (let shift = 28; shift >= 0; shift -= 4) {
    const digit = (bits >>> shift) & 0xf;
    if (digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** ISO 8859-1 up to the first NUL; what stands behind it is often left over from a longer text. */
function readText(data: Buffer, offset: number, length: number): string {
  let end = offset;
  while (end < offset + length && data[end] !== 0) end += 1;
  while (end > offset && data[end - 1] === 0x20) end -= 1;
  return data.toString("latin1", offset, end);
}

/** The bytes of a value in the order ABCD…. */
function straightBytes(tag: ModbusTag, type: DataType, value: TagValue): Buffer {
  const size = 2 * registersOf(type);
  const bytes = Buffer.alloc(size);
  switch (type.kind) {
    case "bool":
      bytes.writeUInt16BE(flag(tag, value) ? 1 : 0);
      return bytes;
    case "int16":
    case "uint16":
    case "int32":
    case "uint32":
    case "int64":
    case "uint64": {
      // The low bytes of a 64-bit two's complement are the two's complement of every shorter size.
      const wide = Buffer.alloc(8);
      wide.writeBigInt64BE(BigInt.asIntN(64, integer(tag, type, value)));
      return wide.subarray(8 - size);
    }
    case "bcd16":
    case "bcd32":
      return Buffer.from(String(integer(tag, type, value)).padStart(2 * size, "0"), "hex");
    case "float32":
      bytes.writeFloatBE(float(tag, type, value));
      return bytes;
    case "float64":
      bytes.writeDoubleBE(float(tag, type, value));
      return bytes;
    case "string":
      bytes.write(text(tag, type.length, value), "latin1");
      return bytes;
  }
}

function flag(tag: ModbusTag, value: TagValue): boolean {
  if (typeof value === "boolean") return value;
  throw refused(tag, value, "true or false");
}

function integer(tag: ModbusTag, type: DataType, value: TagValue): bigint {
  const spec = valueSpecOf(type);
  const whole = typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
  if (whole && spec.kind === "integer") {
    const wanted = BigInt(value);
    if (wanted >= spec.min && wanted <= spec.max) return wanted;
  }
  const range = spec.kind === "integer" ? `from ${spec.min} to ${spec.max}` : "";
  throw refused(tag, value, `an integer ${range} (${formatDataType(type)})`);
}

function float(tag: ModbusTag, type: DataType, value: TagValue): number {
  const wanted = typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN;
  const kept = type.kind === "float32" ? Math.fround(wanted) : wanted;
  if (Number.isFinite(kept)) return wanted;
  const most = type.kind === "float32" ? "±3.4028235e38" : "±1.7976931348623157e308";
  throw refused(tag, value, `a finite number within ${most} (${formatDataType(type)})`);
}

/** NUL would end the text on reading; trailing spaces are taken, and trimmed when read back. */
function text(tag: ModbusTag, length: number, value: TagValue): string {
  if (typeof value === "string") {
    const foreign = /[\u{100}-\u{10ffff}]/u.exec(value)?.[0];
    if (foreign !== undefined) {
      throw refused(tag, value, `a text of ISO 8859-1, which has no ${foreign} (${codePointOf(foreign)})`);
    }
    if (value.length <= length && !value.includes("\0")) return value;
  }
  throw refused(tag, value, `a text of at most ${length} characters of ISO 8859-1, none of them NUL`);
}

/** Such as `U+20AC`. */
function codePointOf(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

function refused(tag: ModbusTag, value: TagValue, allowed: string): GatewayError {
  const shown = typeof value === "string" ? JSON.stringify(value) : plainText(value);
  return new GatewayError("WRITE_REFUSED", `${tag.name}: ${shown} can't be written; allowed is ${allowed}.`, {
    context: { tag: tag.name, value: shown },
  });
}
