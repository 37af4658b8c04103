import { GatewayError } from "../../src/adapter-kit/index.ts";

/** Wire types of Protocol Buffers: how the bytes of a field are laid out. */
const varint = 0;
const fixed64 = 1;
const delimited = 2;
const fixed32 = 5;

/** A varint holds at most 64 bits, 7 a byte. */
const longestVarint = 10;
/** So many bytes of a varint fit a JavaScript number without loss. */
const exactBytes = 7;
const largestSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** An unsigned 64-bit integer: a number where a number holds it exactly. */
export type Uint64 = number | bigint;

/**
 * Reads the fields of one Protocol Buffers message, one after the other, without copying it. Everything that does not
 * lie within the message, or is of another wire type than asked for, is a PROTOCOL_VIOLATION.
 */
export class WireReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;
  #wireType = -1;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** The number of the next field; 0 at the end of the message. */
  next(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.#varint();
    if (typeof tag !== "number" || tag < 8 || tag > 0xff_ff_ff_ff) return malformed("a field has no number");
    this.#wireType = tag % 8;
    return Math.floor(tag / 8);
  }

  /** Passes over a field that nobody asked for. */
  skip(): void {
    if (this.#wireType === varint) this.#varint();
    else if (this.#wireType === fixed64) this.#advance(8);
    else if (this.#wireType === fixed32) this.#advance(4);
    else if (this.#wireType === delimited) this.#advance(this.#length());
    else malformed(`wire type ${this.#wireType} is none`);
  }

  /** The low 32 bits: a negative int32 may come as ten bytes. */
  uint32(): number {
    const value = this.uint64();
    return typeof value === "number" ? value % 2 ** 32 : Number(BigInt.asUintN(32, value));
  }

  uint64(): Uint64 {
    this.#expect(varint);
    return this.#varint();
  }

  bool(): boolean {
    return this.uint64() !== 0;
  }

  float(): number {
    this.#expect(fixed32);
    return this.#bytes.readFloatLE(this.#advance(4));
  }

  double(): number {
    this.#expect(fixed64);
    return this.#bytes.readDoubleLE(this.#advance(8));
  }

  /** A view of the message's own memory. */
  bytes(): Buffer {
    this.#expect(delimited);
    const length = this.#length();
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(): string {
    this.#expect(delimited);
    const length = this.#length();
    const start = this.#advance(length);
    return this.#bytes.toString("utf8", start, start + length);
  }

  /** A message within this one. */
  message(): WireReader {
    this.#expect(delimited);
    const length = this.#length();
    const start = this.#advance(length);
    return new WireReader(this.#bytes, start, start + length);
  }

  /** A repeated uint32: one a field as proto2 writes it, or all in one field. Adds to `into`. */
  uint32s(into: number[]): void {
    if (this.#wireType !== delimited) {
      into.push(this.uint32());
      return;
    }
    const packed = this.message();
    while (packed.#at < packed.#end) into.push(Number(packed.#varint()));
  }

  #expect(wireType: number): void {
    if (this.#wireType !== wireType) malformed(`a field of wire type ${this.#wireType}, not ${wireType}`);
  }

  #length(): number {
    const length = this.#varint();
    return typeof length === "number" ? length : malformed("a length beyond the message");
  }

  /** Where the next `count` bytes begin. */
  #advance(count: number): number {
    const start = this.#at;
    if (count > this.#end - start) return malformed("the message ends within a field");
    this.#at = start + count;
    return start;
  }

  #varint(): Uint64 {
    let value = 0;
    for (let index = 0, factor = 1; index < exactBytes; index += 1, factor *= 128) {
      const byte = this.#bytes[this.#advance(1)] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    let wide = BigInt(value);
    for (let index = exactBytes; index < longestVarint; index += 1) {
      const byte = this.#bytes[this.#advance(1)] ?? 0;
      wide |= BigInt(byte & 0x7f) << BigInt(7 * index);
      if (byte >= 0x80) continue;
      wide = BigInt.asUintN(64, wide);
      return wide <= largestSafe ? Number(wide) : wide;
    }
    return malformed("a varint without an end");
  }
}

/** Builds one Protocol Buffers message. */
export class WireWriter {
  readonly #parts: Buffer[] = [];

  uint(field: number, value: Uint64): this {
    this.#tag(field, varint);
    this.#parts.push(encodedVarint(value));
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0);
  }

  float(field: number, value: number): this {
    this.#tag(field, fixed32);
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    this.#parts.push(bytes);
    return this;
  }

  double(field: number, value: number): this {
    this.#tag(field, fixed64);
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value);
    this.#parts.push(bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#tag(field, delimited);
    this.#parts.push(encodedVarint(value.length), Buffer.from(value));
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #tag(field: number, wireType: number): void {
    this.#parts.push(encodedVarint(field * 8 + wireType));
  }
}

function encodedVarint(value: Uint64): Buffer {
  const bytes: number[] = [];
  let left = BigInt(value);
  for (; left > 0x7fn; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

function malformed(what: string): never {
  throw new GatewayError("PROTOCOL_VIOLATION", `This is no Sparkplug payload: ${what}.`);
}
