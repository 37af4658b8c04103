/** The four tables of the Modbus data model, V1.1b3 §4.3. */
export type TableName = "coil" | "discrete" | "holding" | "input";

const addressSpace = 65_536;

/** One table of a unit: a cell an address, each a bit or a 16-bit register. All addresses exist until said otherwise. */
export class Table {
  readonly name: TableName;
  readonly #cells = new Uint16Array(addressSpace);
  readonly #missing = new Uint8Array(addressSpace);
  readonly #locked = new Uint8Array(addressSpace);

  constructor(name: TableName) {
    this.name = name;
  }

  get(address: number): number {
    return this.#cells[address] ?? 0;
  }

  /** Sets cells from `address` on, past every protection: it is the device's own process that writes here. */
  set(address: number, ...values: readonly (number | boolean)[]): void {
    for (const [index, value] of values.entries()) this.#cells[address + index] = Number(value);
  }

  /** Only addresses in these ranges (`[first, last]`, both included) exist from now on; others answer exception 2. */
  keepOnly(...ranges: readonly (readonly [number, number])[]): void {
    this.#missing.fill(1);
    for (const [first, last] of ranges) this.#missing.fill(0, first, last + 1);
  }

  /** These addresses exist no longer. */
  remove(first: number, last: number = first): void {
    this.#missing.fill(1, first, last + 1);
  }

  /** These addresses exist again. */
  restore(first: number, last: number = first): void {
    this.#missing.fill(0, first, last + 1);
  }

  /** These addresses can be read, and not written. */
  lock(first: number, last: number = first): void {
    this.#locked.fill(1, first, last + 1);
  }

  /** True where every address of the span exists. */
  has(first: number, count: number): boolean {
    return first + count <= addressSpace && !this.#missing.subarray(first, first + count).includes(1);
  }

  /** True where every address of the span exists and may be written. */
  writable(first: number, count: number): boolean {
    return this.has(first, count) && !this.#locked.subarray(first, first + count).includes(1);
  }
}

/** How a value lies in registers, by its four-byte form: words reversed, bytes swapped inside each word, both. */
export type WordOrder = "ABCD" | "CDAB" | "BADC" | "DCBA";

/** Number formats that span one register or more. */
export type NumberType = "int16" | "uint16" | "int32" | "uint32" | "float32" | "int64" | "uint64" | "float64";

const byteLengths: Readonly<Record<NumberType, number>> = {
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  float32: 4,
  int64: 8,
  uint64: 8,
  float64: 8,
};

/** Its own inverse: the same steps lead from plain big-endian to the order and back. */
function reorder(bytes: Buffer, order: WordOrder): Buffer {
  const words = order === "CDAB" || order === "DCBA";
  const result = Buffer.from(bytes);
  if (order === "BADC" || order === "DCBA") result.swap16();
  if (!words) return result;
  const reversed = Buffer.alloc(result.length);
  for (let at = 0; at < result.length; at += 2) result.copy(reversed, result.length - 2 - at, at, at + 2);
  return reversed;
}

/** A table of 16-bit registers, with typed access so that tests need no codec but this one. */
export class RegisterTable extends Table {
  /** Stores a number big-endian, then reordered. */
  put(address: number, type: NumberType, value: number | bigint, order: WordOrder = "ABCD"): void {
    const bytes = new DataView(new ArrayBuffer(byteLengths[type]));
    switch (type) {
      case "int16":
        bytes.setInt16(0, Number(value));
        break;
      case "uint16":
        bytes.setUint16(0, Number(value));
        break;
      case "int32":
        bytes.setInt32(0, Number(value));
        break;
      case "uint32":
        bytes.setUint32(0, Number(value));
        break;
      case "float32":
        bytes.setFloat32(0, Number(value));
        break;
      case "int64":
        bytes.setBigInt64(0, BigInt(value));
        break;
      case "uint64":
        bytes.setBigUint64(0, BigInt(value));
        break;
      case "float64":
        bytes.setFloat64(0, Number(value));
        break;
    }
    this.putBytes(address, reorder(Buffer.from(bytes.buffer), order));
  }

  /** The number stored by `put`, or written by a client in the same order. */
  take(address: number, type: NumberType, order: WordOrder = "ABCD"): number | bigint {
    const plain = reorder(this.takeBytes(address, byteLengths[type] / 2), order);
    const bytes = new DataView(plain.buffer, plain.byteOffset, plain.length);
    switch (type) {
      case "int16":
        return bytes.getInt16(0);
      case "uint16":
        return bytes.getUint16(0);
      case "int32":
        return bytes.getInt32(0);
      case "uint32":
        return bytes.getUint32(0);
      case "float32":
        return bytes.getFloat32(0);
      case "int64":
        return bytes.getBigInt64(0);
      case "uint64":
        return bytes.getBigUint64(0);
      case "float64":
        return bytes.getFloat64(0);
    }
  }

  /** Stores characters two a register, the first in the high byte, padded with zeros to `registers`. */
  putString(address: number, text: string, registers: number): void {
    const bytes = Buffer.alloc(registers * 2);
    bytes.write(text);
    this.putBytes(address, bytes);
  }

  /** Registers as they stand on the wire. An odd last byte is dropped. */
  putBytes(address: number, bytes: Buffer): void {
    for (let at = 0; at + 1 < bytes.length; at += 2) this.set(address + at / 2, bytes.readUInt16BE(at));
  }

  /** Registers as they stand on the wire. */
  takeBytes(address: number, registers: number): Buffer {
    const bytes = Buffer.alloc(registers * 2);
    for (let index = 0; index < registers; index += 1) {
      bytes.writeUInt16BE(this.get(address + index), index * 2);
    }
    return bytes;
  }
}
