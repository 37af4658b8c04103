import type { ByteReader, ByteWriter } from "./bytes.ts";
import { isExactInteger, readIntegers, writeIntegers } from "./integer-column.ts";

/** Field devices show few decimals; more than these are noise of a float's. */
const mostDecimals = 12;

/**
 * Numbers as whole multiples of a power of ten, where that gives each of them back to the last bit: what a device shows
 * with two decimals is two bytes smaller than its float. Undefined where it does not.
 */
export function asDecimals(values: readonly number[]): { decimals: number; scaled: number[] } | undefined {
  let decimals = 0;
  for (const value of values) {
    while (scaledBy(value, decimals) === undefined) {
      decimals += 1;
      if (decimals > mostDecimals) return undefined;
    }
  }
  const scaled = values.map((value) => scaledBy(value, decimals));
  return scaled.every((value) => value !== undefined) ? { decimals, scaled } : undefined;
}

function scaledBy(value: number, decimals: number): number | undefined {
  const scaled = Math.round(value * 10 ** decimals);
  // The quotient of two numbers that are exact is the double nearest to the decimal, as the decimal's own text gives.
  return isExactInteger(scaled) && Object.is(scaled / 10 ** decimals, value) ? scaled : undefined;
}

export function writeDecimals(
  writer: ByteWriter,
  { decimals, scaled }: { readonly decimals: number; readonly scaled: readonly number[] },
): void {
  writer.byte(decimals);
  writeIntegers(writer, scaled);
}

export function readDecimals(reader: ByteReader, count: number): number[] {
  const power = 10 ** reader.byte();
  return readIntegers(reader, count).map((value) => value / power);
}

/** True where a single-precision float holds it: half of the bytes. */
export function isSingle(value: number): boolean {
  return Object.is(Math.fround(value), value);
}

/** IEEE 754 bits, each XORed with those before it; first all highest bytes, then all next ones: alike bytes lie together. */
export function writeFloats(writer: ByteWriter, values: readonly number[], width: 4 | 8): void {
  const planes = Buffer.alloc(width * values.length);
  const now = Buffer.alloc(width);
  const before = Buffer.alloc(width);
  for (const [row, value] of values.entries()) {
    if (width === 8) now.writeDoubleBE(value);
    else now.writeFloatBE(value);
    for (let plane = 0; plane < width; plane += 1)
      planes[plane * values.length + row] = (now[plane] ?? 0) ^ (before[plane] ?? 0);
    now.copy(before);
  }
  writer.raw(planes);
}

export function readFloats(reader: ByteReader, count: number, width: 4 | 8): number[] {
  const planes = reader.raw(width * count);
  const bits = Buffer.alloc(width);
  const values: number[] = [];
  for (let row = 0; row < count; row += 1) {
    for (let plane = 0; plane < width; plane += 1)
      bits[plane] = (bits[plane] ?? 0) ^ (planes[plane * count + row] ?? 0);
    values.push(width === 8 ? bits.readDoubleBE() : bits.readFloatBE());
  }
  return values;
}
