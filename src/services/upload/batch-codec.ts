import { crc32 } from "node:zlib";
import type { IntegerType, Quality } from "../../domain/reading.ts";
import type { Batch, BatchColumn, BatchSeries } from "./batch.ts";
import { ByteReader, ByteWriter, corrupt, fullBudget, type Budget } from "./bytes.ts";
import { isExactInteger, readIntegers, writeIntegers } from "./integer-column.ts";
import { readTable, Table } from "./table.ts";
import { readRuns, writeRuns } from "./runs.ts";
import { readValues, writeValues } from "./value-column.ts";

/** "LGB", and the version of the form. docs/upload-format.md. */
const magic = Buffer.from("LGB");
const version = 1;

const qualities: readonly Quality[] = ["good", "uncertain", "bad"];
const integerTypes: readonly (IntegerType | undefined)[] = [undefined, "int64", "uint64"];

/** What is written of each series, and of each column of values; blocks by their place among those of their kind. */
const seriesFields = [
  "tag",
  "unit",
  "every",
  "type",
  "rows",
  "times",
  "sequences",
  "qualities",
  "statuses",
  "columns",
] as const;
const columnFields = ["name", "values"] as const;
const blockKinds = ["times", "sequences", "qualities", "statuses", "values"] as const;

type SeriesField = (typeof seriesFields)[number];
type ColumnField = (typeof columnFields)[number];
type BlockKind = (typeof blockKinds)[number];
type ReadBlocks = Readonly<Record<BlockKind, readonly Buffer[]>>;

/** The form of a batch inside of zstd. */
export function encodeBatch(batch: Batch): Buffer {
  const steps = encodeSteps(batch);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** As `encodeBatch`, stopping after each series and each field of them all, so that whoever drives it can let others go first. */
export function* encodeSteps(batch: Batch): Generator<void, Buffer> {
  const texts = new Texts();
  const blocks: Record<BlockKind, Blocks> = {
    times: new Blocks(),
    sequences: new Blocks(),
    qualities: new Blocks(),
    statuses: new Blocks(),
    values: new Blocks(),
  };
  const head = new ByteWriter();
  for (const text of [batch.gateway, batch.site, batch.epoch, batch.stream]) head.varint(texts.code(text));
  head.varint(batch.batch);
  const table = new Table(seriesFields);
  const columns = new Table(columnFields);
  for (const series of batch.series) {
    addSeries(series, table, columns, blocks, texts);
    yield;
  }
  yield* table.writeSteps(head);
  yield* columns.writeSteps(head);
  const whole = new ByteWriter();
  whole.raw(magic);
  whole.byte(version);
  texts.write(whole);
  whole.raw(head.bytes());
  for (const kind of blockKinds) {
    blocks[kind].write(whole);
    yield;
  }
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
  const budget = fullBudget();
  const reader = new ByteReader(bytes.subarray(magic.length + 1, end), budget);
  const texts = Array.from({ length: reader.count() }, () => reader.text());
  const heads = Array.from({ length: 4 }, () => textOf(texts, reader.varint()));
  const [gateway = "", site = "", epoch = "", stream = ""] = heads;
  const batch = reader.varint();
  const rows = readTable(reader, seriesFields);
  const columns = readTable(reader, columnFields);
  const blocks = Object.fromEntries(blockKinds.map((kind) => [kind, readBlocks(reader)])) as ReadBlocks;
  if (reader.left > 0) throw corrupt("it goes on after its end");
  const source: BatchSource = { texts, blocks, budget, columns: columns.values() };
  const series = rows.map((row) => readSeries(source, row));
  if (source.columns.next().done !== true) throw corrupt("it has columns of no series");
  return { gateway, site, epoch, stream, batch, series };
}

/** Equal blocks are written once: tags that were read by one request have the same times. */
class Blocks {
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
    writeIntegers(
      writer,
      this.#blocks.map(({ length }) => length),
    );
    for (const block of this.#blocks) writer.raw(block);
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

function readBlocks(reader: ByteReader): readonly Buffer[] {
  const count = reader.varint();
  reader.spend(count);
  return readIntegers(reader, count).map((length) => {
    if (length < 0) throw corrupt("a column is shorter than nothing");
    return reader.raw(length);
  });
}

function addSeries(
  series: BatchSeries,
  table: Table<SeriesField>,
  columns: Table<ColumnField>,
  blocks: Readonly<Record<BlockKind, Blocks>>,
  texts: Texts,
): void {
  const { tag, unit, every, integerType, times, sequences, qualities: quality, statuses } = series;
  table.add({
    tag: texts.code(tag),
    unit: unit === undefined ? 0 : texts.code(unit) + 1,
    every: every ?? 0,
    type: integerTypes.indexOf(integerType),
    rows: times.length,
    times: blocks.times.code((writer) => writeTimes(writer, times)),
    sequences:
      sequences === undefined ? 0 : blocks.sequences.code((writer) => writeIntegers(writer, sequences)) + 1,
    qualities: blocks.qualities.code((writer) =>
      writeRuns(writer, quality, (one) => writer.byte(qualities.indexOf(one))),
    ),
    statuses: blocks.statuses.code((writer) =>
      writeRuns(writer, statuses, (status) => writer.varint(status === null ? 0 : texts.code(status) + 1)),
    ),
    columns: series.columns.length,
  });
  for (const { name, values } of series.columns)
    columns.add({
      name: texts.code(name),
      values: blocks.values.code((writer) => writeValues(writer, values)),
    });
}

/** Whole milliseconds, as nearly all are, or numbers of any kind. */
function writeTimes(writer: ByteWriter, times: readonly number[]): void {
  const whole = times.every(isExactInteger);
  writer.byte(whole ? 0 : 1);
  if (whole) writeIntegers(writer, times);
  else writeValues(writer, times);
}

interface BatchSource {
  readonly texts: readonly string[];
  readonly blocks: ReadBlocks;
  readonly budget: Budget;
  /** Those of all series, one after the other. */
  readonly columns: IterableIterator<Readonly<Record<ColumnField, number>>>;
}

function readSeries(source: BatchSource, row: Readonly<Record<SeriesField, number>>): BatchSeries {
  const { texts, blocks, budget } = source;
  const { unit, every, type, rows, sequences } = row;
  if (type >= integerTypes.length) throw corrupt(`there is no integer type ${type}`);
  const integerType = integerTypes[type];
  const column = <T>(kind: BlockKind, code: number, read: (from: ByteReader) => T): T => {
    const block = blocks[kind][code];
    if (block === undefined) throw corrupt("a column is missing");
    const from = new ByteReader(block, budget);
    from.spend(rows);
    const values = read(from);
    if (from.left > 0) throw corrupt("a column goes on after its end");
    return values;
  };
  return {
    tag: textOf(texts, row.tag),
    ...(unit === 0 ? {} : { unit: textOf(texts, unit - 1) }),
    ...(every === 0 ? {} : { every }),
    ...(integerType === undefined ? {} : { integerType }),
    times: column("times", row.times, (from) => readTimes(from, rows)),
    ...(sequences === 0
      ? {}
      : { sequences: column("sequences", sequences - 1, (from) => readIntegers(from, rows)) }),
    qualities: column("qualities", row.qualities, (from) =>
      readRuns(from, rows, () => qualityOf(from.byte())),
    ),
    statuses: column("statuses", row.statuses, (from) =>
      readRuns(from, rows, () => {
        const code = from.varint();
        return code === 0 ? null : textOf(texts, code - 1);
      }),
    ),
    columns: columnsOf(source, row.columns, (code) =>
      column("values", code, (from) => readValues(from, rows)),
    ),
  };
}

/** The next so many. */
function columnsOf(
  { texts, columns }: BatchSource,
  count: number,
  read: (code: number) => BatchColumn["values"],
): BatchColumn[] {
  const taken: BatchColumn[] = [];
  while (taken.length < count) {
    const { value, done } = columns.next();
    if (done === true) throw corrupt("a column is missing");
    taken.push({ name: textOf(texts, value.name), values: read(value.values) });
  }
  return taken;
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

function textOf(texts: readonly string[], code: number): string {
  const text = texts[code];
  if (text === undefined) throw corrupt("a text is missing");
  return text;
}
