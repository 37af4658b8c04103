import { crc32 } from "node:zlib";
import type { IntegerType, Quality } from "../../domain/reading.ts";
import type { Batch, BatchColumn, BatchSeries } from "./batch.ts";
import { ByteReader, ByteWriter, corrupt } from "./bytes.ts";
import { isExactInteger, readIntegers, writeIntegers } from "./integer-column.ts";
import { readRuns, writeRuns } from "./runs.ts";
import { readValues, writeValues } from "./value-column.ts";

/** "LGB", and the version of the form. docs/upload-format.md. */
const magic = Buffer.from("LGB");
const version = 1;

/** Runs and constants make few bytes many cells; a batch of ours has a hundredth of these. */
const mostCells = 8_000_000;

const qualities: readonly Quality[] = ["good", "uncertain", "bad"];
const integerTypes: readonly (IntegerType | undefined)[] = [undefined, "int64", "uint64"];

/** The form of a batch inside of zstd. */
export function encodeBatch(batch: Batch): Buffer {
  const steps = encodeSteps(batch);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** As `encodeBatch`, stopping after each series, so that whoever drives it can let others go first. */
export function* encodeSteps(batch: Batch): Generator<void, Buffer> {
  const columns = new Columns();
  const texts = new Texts();
  const body = new ByteWriter();
  for (const text of [batch.gateway, batch.site, batch.epoch, batch.stream]) body.varint(texts.code(text));
  body.varint(batch.batch);
  body.varint(batch.series.length);
  for (const series of batch.series) {
    writeSeries(body, series, columns, texts);
    yield;
  }
  const whole = new ByteWriter();
  whole.raw(magic);
  whole.byte(version);
  texts.write(whole);
  columns.write(whole);
  whole.raw(body.bytes());
  const check = Buffer.alloc(4);
  check.writeUInt32LE(crc32(whole.bytes()));
  whole.raw(check);
  return whole.bytes();
}

/**
 * Reads what `encodeBatch` made. Throws PROTOCOL_VIOLATION for anything else: of another version, cut off, changed by a
 * single bit. Takes memory in proportion to what such a batch may hold at most.
 */
export function decodeBatch(bytes: Buffer): Batch {
  if (!bytes.subarray(0, magic.length).equals(magic)) throw corrupt("it does not begin as one");
  const found = bytes[magic.length];
  if (found !== version) {
    throw corrupt(`its form has the version ${found ?? "none"}, and this program knows version ${version}`);
  }
  const end = bytes.length - 4;
  if (end < magic.length + 1) throw corrupt("it ends too early");
  if (crc32(bytes.subarray(0, end)) !== bytes.readUInt32LE(end)) throw corrupt("its checksum is wrong");
  const reader = new ByteReader(bytes.subarray(magic.length + 1, end));
  const texts = Array.from({ length: reader.count() }, () => reader.text());
  const blocks = Array.from({ length: reader.count() }, () => reader.raw(reader.count()));
  const source: BatchSource = { reader, texts, blocks, cells: 0 };
  const [gateway, site, epoch, stream] = [textAt(source), textAt(source), textAt(source), textAt(source)];
  const batch = reader.varint();
  const series = Array.from({ length: reader.count() }, () => readSeries(source));
  if (reader.left > 0) throw corrupt("it goes on after its end");
  return { gateway, site, epoch, stream, batch, series };
}

/** Equal columns are written once: tags that were read by one request have the same times. */
class Columns {
  readonly #codes = new Map<string, number>();
  readonly #blocks: Buffer[] = [];

  code(write: (writer: ByteWriter) => void): number {
    const writer = new ByteWriter();
    write(writer);
    const block = writer.bytes();
    const key = block.toString("latin1");
    const known = this.#codes.get(key);
    if (known !== undefined) return known;
    this.#codes.set(key, this.#blocks.length);
    return this.#blocks.push(block) - 1;
  }

  write(writer: ByteWriter): void {
    writer.varint(this.#blocks.length);
    for (const block of this.#blocks) {
      writer.varint(block.length);
      writer.raw(block);
    }
  }
}

class Texts {
  readonly #codes = new Map<string, number>();

  code(text: string): number {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    this.#codes.set(text, this.#codes.size);
    return this.#codes.size - 1;
  }

  write(writer: ByteWriter): void {
    writer.varint(this.#codes.size);
    for (const text of this.#codes.keys()) writer.text(text);
  }
}

function writeSeries(body: ByteWriter, series: BatchSeries, columns: Columns, texts: Texts): void {
  const { tag, unit, every, integerType, times, sequences, statuses } = series;
  body.varint(texts.code(tag));
  body.varint(unit === undefined ? 0 : texts.code(unit) + 1);
  body.varint(every ?? 0);
  body.byte(integerTypes.indexOf(integerType));
  body.varint(times.length);
  body.varint(columns.code((writer) => writeTimes(writer, times)));
  body.varint(sequences === undefined ? 0 : columns.code((writer) => writeIntegers(writer, sequences)) + 1);
  body.varint(
    columns.code((writer) =>
      writeRuns(writer, series.qualities, (quality) => writer.byte(qualities.indexOf(quality))),
    ),
  );
  body.varint(
    columns.code((writer) =>
      writeRuns(writer, statuses, (status) => writer.varint(status === null ? 0 : texts.code(status) + 1)),
    ),
  );
  body.varint(series.columns.length);
  for (const { name, values } of series.columns) {
    body.varint(texts.code(name));
    body.varint(columns.code((writer) => writeValues(writer, values)));
  }
}

/** Whole milliseconds, as nearly all are, or numbers of any kind. */
function writeTimes(writer: ByteWriter, times: readonly number[]): void {
  const whole = times.every(isExactInteger);
  writer.byte(whole ? 0 : 1);
  if (whole) writeIntegers(writer, times);
  else writeValues(writer, times);
}

interface BatchSource {
  readonly reader: ByteReader;
  readonly texts: readonly string[];
  readonly blocks: readonly Buffer[];
  cells: number;
}

function readSeries(source: BatchSource): BatchSeries {
  const { reader } = source;
  const tag = textAt(source);
  const unit = reader.varint();
  const every = reader.varint();
  const type = reader.byte();
  if (type >= integerTypes.length) throw corrupt(`there is no integer type ${type}`);
  const integerType = integerTypes[type];
  const rows = reader.varint();
  const column = <T>(code: number, read: (from: ByteReader) => T): T => {
    source.cells += rows;
    if (source.cells > mostCells) throw corrupt(`it has more than ${mostCells} values`);
    const block = source.blocks[code];
    if (block === undefined) throw corrupt("a column is missing");
    const from = new ByteReader(block);
    const values = read(from);
    if (from.left > 0) throw corrupt("a column goes on after its end");
    return values;
  };
  const times = column(reader.varint(), (from) => readTimes(from, rows));
  const numbered = reader.varint();
  return {
    tag,
    ...(unit === 0 ? {} : { unit: textOf(source, unit - 1) }),
    ...(every === 0 ? {} : { every }),
    ...(integerType === undefined ? {} : { integerType }),
    times,
    ...(numbered === 0 ? {} : { sequences: column(numbered - 1, (from) => readIntegers(from, rows)) }),
    qualities: column(reader.varint(), (from) => readRuns(from, rows, () => qualityOf(from.byte()))),
    statuses: column(reader.varint(), (from) =>
      readRuns(from, rows, () => {
        const code = from.varint();
        return code === 0 ? null : textOf(source, code - 1);
      }),
    ),
    columns: Array.from({ length: reader.count(2) }, (): BatchColumn => ({
      name: textAt(source),
      values: column(reader.varint(), (from) => readValues(from, rows)),
    })),
  };
}

function readTimes(from: ByteReader, rows: number): number[] {
  if (from.byte() === 0) return readIntegers(from, rows);
  const times = readValues(from, rows).filter((time) => typeof time === "number");
  if (times.length < rows) throw corrupt("a time is no number");
  return times;
}

function qualityOf(code: number): Quality {
  const quality = qualities[code];
  if (quality === undefined) throw corrupt(`there is no quality ${code}`);
  return quality;
}

function textAt(source: BatchSource): string {
  return textOf(source, source.reader.varint());
}

function textOf({ texts }: BatchSource, code: number): string {
  const text = texts[code];
  if (text === undefined) throw corrupt("a text is missing");
  return text;
}
