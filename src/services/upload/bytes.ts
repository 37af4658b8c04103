import { GatewayError } from "../../domain/errors.ts";

/** Numbers up to this far from 0 can be subtracted twice and doubled without losing a digit. */
export const exactLimit = 2 ** 50;

/** A buffer that grows. Integers are varints as in protobuf: seven bits a byte, the low ones first. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  /** What was written; valid until the next write. */
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  byte(value: number): void {
    this.#room(1);
    this.#buffer[this.#length] = value;
    this.#length += 1;
  }

  /** @param value a whole number from 0 to 2^53 */
  varint(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      // Bitwise operators hold no more than 32 bits.
      const low = rest % 0x80;
      this.#buffer[this.#length] = low + 0x80;
      this.#length += 1;
      rest = (rest - low) / 0x80;
    }
    this.#buffer[this.#length] = rest;
    this.#length += 1;
  }

  /** Zigzag: 0, -1, 1, -2 … as 0, 1, 2, 3 … */
  signed(value: number): void {
    this.varint(value >= 0 ? 2 * value : -2 * value - 1);
  }

  /** Zigzag without a limit. */
  wide(value: bigint): void {
    let rest = value >= 0n ? value << 1n : (-value << 1n) - 1n;
    while (rest >= 0x80n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
  }

  text(value: string): void {
    const bytes = Buffer.from(value, "utf8");
    this.varint(bytes.length);
    this.raw(bytes);
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #room(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}

/** What is wrong with a batch that can't be read. */
export function corrupt(message: string, context: Readonly<Record<string, unknown>> = {}): GatewayError {
  return new GatewayError("PROTOCOL_VIOLATION", `This is no whole batch of Linegate's: ${message}.`, {
    context,
  });
}

/** Reads what a ByteWriter wrote. Throws PROTOCOL_VIOLATION where the bytes end too early or make no sense. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw corrupt("it ends too early", { at: this.#at });
    this.#at += 1;
    return value;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (let read = 0; read < 8; read += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80 && value <= 2 ** 53) return value;
      factor *= 0x80;
    }
    throw corrupt("a number is too large", { at: this.#at });
  }

  /** How many of something follow; each takes at least `bytesEach` bytes. */
  count(bytesEach = 1): number {
    const count = this.varint();
    if (count * bytesEach > this.left) throw corrupt("it promises more than it holds", { count });
    return count;
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  wide(): bigint {
    let value = 0n;
    for (let shift = 0n; shift <= 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n);
    }
    throw corrupt("a number is too large", { at: this.#at });
  }

  text(): string {
    return this.raw(this.count()).toString("utf8");
  }

  /** A view, not a copy. */
  raw(length: number): Buffer {
    if (length > this.left) throw corrupt("it ends too early", { at: this.#at });
    const bytes = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }
}
