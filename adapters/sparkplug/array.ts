import type { JsonValue, StructuredValue } from "../../src/adapter-kit/index.ts";
import { elementOf, integerForm, isInteger, type TypeName } from "./datatype.ts";

/** A BooleanArray begins with its number of values. */
const countBytes = 4;

/** How one element lies in a packed array: little endian (§6.4.17). */
interface ElementForm {
  readonly bytes: number;
  read(from: Buffer, at: number): JsonValue;
  /** False where the element has no room for the value. */
  write(to: Buffer, value: JsonValue, at: number): boolean;
}

function formOf(element: TypeName): ElementForm | undefined {
  if (element === "datetime") return integerElement("uint64", Number);
  if (isInteger(element)) return integerElement(element, integerForm(element).bits === 64 ? String : Number);
  if (element !== "float32" && element !== "float64") return undefined;
  const single = element === "float32";
  return {
    bytes: single ? 4 : 8,
    read: (from, at) => {
      const value = single ? from.readFloatLE(at) : from.readDoubleLE(at);
      return Number.isFinite(value) ? value : null;
    },
    write: (to, value, at) => {
      if (typeof value !== "number") return false;
      if (single) to.writeFloatLE(value, at);
      else to.writeDoubleLE(value, at);
      return true;
    },
  };
}

function integerElement(
  type: Parameters<typeof integerForm>[0],
  shown: (value: bigint | number) => JsonValue,
): ElementForm {
  const { bits, signed, min, max } = integerForm(type);
  const bytes = bits / 8;
  return {
    bytes,
    read: (from, at) => {
      if (bits === 64) return shown(signed ? from.readBigInt64LE(at) : from.readBigUInt64LE(at));
      return shown(signed ? from.readIntLE(at, bytes) : from.readUIntLE(at, bytes));
    },
    write: (to, value, at) => {
      const whole = wholeOf(value);
      if (whole === undefined || whole < min || whole > max) return false;
      to.writeBigUInt64LE(BigInt.asUintN(bits, whole), at);
      return true;
    },
  };
}

/** 64-bit integers stand in JSON as decimal strings. */
function wholeOf(value: JsonValue): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" && /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
}

/** The elements of a packed array; undefined where the bytes are none of this type. */
export function decodeArray(type: TypeName, bytes: Buffer): StructuredValue | undefined {
  const element = elementOf(type);
  if (element === "bool") return decodeBools(bytes);
  if (element === "string") {
    if (bytes.length === 0) return [];
    // Each text ends with a zero byte, the last one too.
    return bytes.at(-1) === 0 ? bytes.toString("utf8", 0, bytes.length - 1).split("\0") : undefined;
  }
  const form = element === undefined ? undefined : formOf(element);
  if (form === undefined || bytes.length % form.bytes !== 0) return undefined;
  return Array.from({ length: bytes.length / form.bytes }, (_, index) =>
    form.read(bytes, index * form.bytes),
  );
}

function decodeBools(bytes: Buffer): StructuredValue | undefined {
  const count = bytes.length < countBytes ? -1 : bytes.readUInt32LE(0);
  if (count < 0 || bytes.length !== countBytes + Math.ceil(count / 8)) return undefined;
  const bit = (index: number) => ((bytes[countBytes + (index >> 3)] ?? 0) >> (7 - (index & 7))) & 1;
  return Array.from({ length: count }, (_, index) => bit(index) === 1);
}

/** A JSON array packed as the type has it; undefined where an element is not of the type. */
export function encodeArray(type: TypeName, values: readonly JsonValue[]): Buffer | undefined {
  const element = elementOf(type);
  if (element === "bool") return values.every(isBool) ? encodeBools(values) : undefined;
  if (element === "string") {
    const texts = values.every(isPlainText);
    return texts ? Buffer.from(values.map((value) => `${value}\0`).join("")) : undefined;
  }
  const form = element === undefined ? undefined : formOf(element);
  if (form === undefined) return undefined;
  // An integer is written with all its 64 bits, over what the next one overwrites.
  const bytes = Buffer.alloc(values.length * form.bytes + 8);
  const fits = values.every((value, index) => form.write(bytes, value, index * form.bytes));
  return fits ? bytes.subarray(0, values.length * form.bytes) : undefined;
}

function isPlainText(value: JsonValue): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function isBool(value: JsonValue): value is boolean {
  return typeof value === "boolean";
}

function encodeBools(values: readonly boolean[]): Buffer {
  const bytes = Buffer.alloc(countBytes + Math.ceil(values.length / 8));
  bytes.writeUInt32LE(values.length);
  for (const [index, value] of values.entries()) {
    const at = countBytes + (index >> 3);
    if (value) bytes[at] = (bytes[at] ?? 0) | (0x80 >> (index & 7));
  }
  return bytes;
}
