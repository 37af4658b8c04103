import type { TagValue } from "../../domain/reading.ts";
import { corrupt, type ByteReader, type ByteWriter } from "./bytes.ts";
import {
  asDecimals,
  isSingle,
  readDecimals,
  readFloats,
  writeDecimals,
  writeFloats,
} from "./float-column.ts";
import { isExactInteger, readIntegers, readWide, writeIntegers, writeWide } from "./integer-column.ts";
import { readRuns, writeRuns } from "./runs.ts";

/** What a column's values are, by the byte before them. */
const kinds = { integer: 0, wide: 1, decimal: 2, single: 3, double: 4, boolean: 5, dictionary: 6 } as const;

/** Integers of more bits than any device has are written as texts. */
const widest = 2n ** 64n;

/** A column: where it has values, their kind, and they. */
export function writeValues(writer: ByteWriter, values: readonly (TagValue | null)[]): void {
  const present = values.filter((value) => value !== null);
  const gaps = present.length < values.length;
  writer.byte(gaps ? 1 : 0);
  if (gaps)
    writeRuns(
      writer,
      values.map((value) => value !== null),
      (there) => writer.byte(there ? 1 : 0),
    );
  writePresent(writer, present);
}

/** @param count the rows of the series */
export function readValues(reader: ByteReader, count: number): (TagValue | null)[] {
  if (reader.byte() === 0) return readPresent(reader, count);
  const mask = readRuns(reader, count, () => reader.byte() === 1);
  const present = readPresent(reader, mask.filter(Boolean).length);
  let next = 0;
  return mask.map((there) => {
    if (!there) return null;
    next += 1;
    return present[next - 1] ?? null;
  });
}

function writePresent(writer: ByteWriter, values: readonly TagValue[]): void {
  if (values.every((value) => typeof value === "number")) return writeNumbers(writer, values);
  if (values.every((value) => typeof value === "boolean")) {
    writer.byte(kinds.boolean);
    return writeRuns(writer, values, (value) => writer.byte(value ? 1 : 0));
  }
  if (values.every((value) => typeof value === "bigint" && value < widest && value > -widest)) {
    writer.byte(kinds.wide);
    return writeWide(writer, values as readonly bigint[]);
  }
  writer.byte(kinds.dictionary);
  writeDictionary(writer, values.map(toText));
}

function writeNumbers(writer: ByteWriter, values: readonly number[]): void {
  if (values.every(isExactInteger)) {
    writer.byte(kinds.integer);
    return writeIntegers(writer, values);
  }
  const decimals = asDecimals(values);
  if (decimals !== undefined) {
    writer.byte(kinds.decimal);
    return writeDecimals(writer, decimals);
  }
  const single = values.every(isSingle);
  writer.byte(single ? kinds.single : kinds.double);
  writeFloats(writer, values, single ? 4 : 8);
}

function readPresent(reader: ByteReader, count: number): TagValue[] {
  const kind = reader.byte();
  switch (kind) {
    case kinds.integer:
      return readIntegers(reader, count);
    case kinds.wide:
      return readWide(reader, count);
    case kinds.decimal:
      return readDecimals(reader, count);
    case kinds.single:
      return readFloats(reader, count, 4);
    case kinds.double:
      return readFloats(reader, count, 8);
    case kinds.boolean:
      return readRuns(reader, count, () => reader.byte() === 1);
    case kinds.dictionary:
      return readDictionary(reader, count);
    default:
      throw corrupt(`there is no kind ${kind} of values`);
  }
}

function writeDictionary(writer: ByteWriter, texts: readonly string[]): void {
  const codes = new Map<string, number>();
  for (const text of texts) if (!codes.has(text)) codes.set(text, codes.size);
  writer.varint(codes.size);
  for (const text of codes.keys()) writer.text(text);
  writeIntegers(
    writer,
    texts.map((text) => codes.get(text) ?? 0),
  );
}

function readDictionary(reader: ByteReader, count: number): TagValue[] {
  const entries = Array.from({ length: reader.count() }, () => fromText(reader.text()));
  return readIntegers(reader, count).map((code) => {
    const value = entries[code];
    if (value === undefined) throw corrupt("a value is not in its dictionary");
    return value;
  });
}

/** JSON, and beside it `5n`, `-0`, `NaN` and `Infinity`. A text with half a character in it is escaped, and so survives. */
function toText(value: TagValue): string {
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  return typeof value === "number" ? String(value) : JSON.stringify(value);
}

function fromText(text: string): TagValue {
  if (/^-?\d+n$/.test(text)) return BigInt(text.slice(0, -1));
  if (/^(NaN|-?Infinity)$/.test(text)) return Number(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw corrupt("a value in its dictionary is not JSON");
  }
  if (value === null) throw corrupt("a value in its dictionary is null");
  return value as TagValue;
}
