import { isDeepStrictEqual } from "node:util";
import type { JsonValue, TagValue } from "../../domain/reading.ts";
import { ByteWriter, corrupt, type ByteReader } from "./bytes.ts";
import {
  asDecimals,
  isShownSingle,
  isSingle,
  readDecimals,
  readFloats,
  shownSingle,
  writeDecimals,
  writeFloats,
} from "./float-column.ts";
import { isExactInteger, readIntegers, readWide, writeIntegers, writeWide } from "./integer-column.ts";
import { readRuns, writeRuns } from "./runs.ts";

/** What a column's values are, by the byte before them. */
const kinds = {
  integer: 0,
  wide: 1,
  decimal: 2,
  single: 3,
  double: 4,
  boolean: 5,
  dictionary: 6,
  shownSingle: 7,
  structure: 8,
} as const;

/** Structures within structures: further in they are written as JSON. */
const deepest = 4;
const mostKeys = 64;

/** Decimals with more bytes than this each are noise, and smaller as floats. */
const mostDecimalBytes = 3.4;

/** Integers of more bits than any device has are written as texts. */
const widest = 2n ** 64n;

/** A column: where it has values, their kind, and they. */
export function writeValues(writer: ByteWriter, values: readonly (TagValue | null)[], depth = 0): void {
  const present = values.filter((value) => value !== null);
  const gaps = present.length < values.length;
  writer.byte(gaps ? 1 : 0);
  if (gaps)
    writeRuns(
      writer,
      values.map((value) => value !== null),
      (there) => writer.byte(there ? 1 : 0),
    );
  writePresent(writer, present, depth);
}

/** @param count the rows of the series */
export function readValues(reader: ByteReader, count: number, depth = 0): (TagValue | null)[] {
  if (reader.byte() === 0) return readPresent(reader, count, depth);
  const mask = readRuns(reader, count, () => reader.byte() === 1);
  const present = readPresent(reader, mask.filter(Boolean).length, depth);
  let next = 0;
  return mask.map((there) => {
    if (!there) return null;
    next += 1;
    return present[next - 1] ?? null;
  });
}

function writePresent(writer: ByteWriter, values: readonly TagValue[], depth: number): void {
  if (values.every((value) => typeof value === "number")) return writeNumbers(writer, values);
  if (values.every((value) => typeof value === "boolean")) {
    writer.byte(kinds.boolean);
    return writeRuns(writer, values, (value) => writer.byte(value ? 1 : 0));
  }
  if (values.every((value) => typeof value === "bigint" && value < widest && value > -widest)) {
    writer.byte(kinds.wide);
    return writeWide(writer, values as readonly bigint[]);
  }
  const keys = depth < deepest ? commonKeys(values) : undefined;
  if (keys !== undefined) {
    writer.byte(kinds.structure);
    return writeStructures(writer, values as readonly Structure[], keys, depth);
  }
  writer.byte(kinds.dictionary);
  writeDictionary(writer, values.map(toText));
}

type Structure = { readonly [key: string]: JsonValue };

/** The keys of structures that all have the same ones in the same order; undefined where they have not. */
function commonKeys(values: readonly TagValue[]): readonly string[] | undefined {
  const [first] = values;
  if (values.length < 2 || !isStructure(first)) return undefined;
  const keys = Object.keys(first);
  // Keys that are numbers have an order of their own.
  const plain = keys.every((key) => key.isWellFormed() && !/^\d+$/.test(key));
  if (keys.length === 0 || keys.length > mostKeys || !plain) return undefined;
  const alike = values.every((value) => isStructure(value) && isDeepStrictEqual(Object.keys(value), keys));
  return alike ? keys : undefined;
}

function isStructure(value: TagValue | undefined): value is Structure {
  return typeof value === "object" && !Array.isArray(value);
}

function writeStructures(
  writer: ByteWriter,
  values: readonly Structure[],
  keys: readonly string[],
  depth: number,
): void {
  writer.varint(keys.length);
  for (const key of keys) {
    writer.text(key);
    writeValues(
      writer,
      values.map((value) => value[key] ?? null),
      depth + 1,
    );
  }
}

function readStructures(reader: ByteReader, count: number, depth: number): TagValue[] {
  if (depth >= deepest) throw corrupt("its structures are too deep");
  const keys = reader.count(3);
  const columns = Array.from({ length: keys }, () => {
    const key = reader.text();
    reader.spend(count);
    return { key, values: readValues(reader, count, depth + 1) };
  });
  return Array.from({ length: count }, (_, row) =>
    Object.fromEntries(columns.map(({ key, values }) => [key, values[row] as JsonValue])),
  );
}

function writeNumbers(writer: ByteWriter, values: readonly number[]): void {
  if (values.every(isExactInteger)) {
    writer.byte(kinds.integer);
    return writeIntegers(writer, values);
  }
  const decimals = asDecimals(values);
  if (decimals !== undefined) {
    const written = new ByteWriter();
    writeDecimals(written, decimals);
    const bytes = written.bytes();
    if (bytes.length <= mostDecimalBytes * values.length || !values.every(isShownSingle)) {
      writer.byte(kinds.decimal);
      return writer.raw(bytes);
    }
  }
  if (values.every(isShownSingle)) {
    writer.byte(kinds.shownSingle);
    return writeFloats(writer, values, 4);
  }
  const single = values.every(isSingle);
  writer.byte(single ? kinds.single : kinds.double);
  writeFloats(writer, values, single ? 4 : 8);
}

function readPresent(reader: ByteReader, count: number, depth: number): TagValue[] {
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
    case kinds.shownSingle:
      return readFloats(reader, count, 4).map(shownSingle);
    case kinds.boolean:
      return readRuns(reader, count, () => reader.byte() === 1);
    case kinds.structure:
      return readStructures(reader, count, depth);
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
