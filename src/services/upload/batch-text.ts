import { encodeTagValue, plainText, type TagValue } from "../../domain/reading.ts";
import { isStructured, rowsOf, spanOf, type Batch, type BatchSeries } from "./batch.ts";

/** The version of the JSON form. docs/batch.schema.json. */
const version = 1;

/** The batch as JSON, docs/upload-format.md. Integers too wide for a JSON number are decimal strings, their type beside them. */
export function batchJson(batch: Batch): string {
  const { gateway, site, epoch, stream, series } = batch;
  const { from, to } = spanOf(series);
  const head = { version, gateway, site, epoch, stream, batch: batch.batch, count: rowsOf(series), from, to };
  return `${JSON.stringify(head).slice(0, -1)},"series":[${series.map(seriesJson).join(",")}]}`;
}

function seriesJson(series: BatchSeries): string {
  const { tag, unit, every, integerType, times, sequences, qualities, statuses, columns } = series;
  const parts = [
    JSON.stringify({ tag, unit, every, type: integerType, times, sequences, qualities, statuses }).slice(
      1,
      -1,
    ),
    `"values":{${columns.map(({ name, values }) => `${JSON.stringify(name)}:[${values.map(exactly).join(",")}]`).join(",")}}`,
  ];
  return `{${parts.join(",")}}`;
}

/** A line of JSON for each row: of a reading with the keys of design §3, of a window with its figures by name. */
export function* batchLines(batch: Batch): Generator<string> {
  for (const series of batch.series) {
    const { tag, unit, every, integerType, times, sequences, qualities, statuses, columns } = series;
    for (const [row, timestamp] of times.entries()) {
      const values = columns.map(({ name, values }) => {
        return `${JSON.stringify(name)}:${exactly(values[row] ?? null)}`;
      });
      const status = statuses[row] ?? undefined;
      const rest = {
        quality: qualities[row],
        timestamp,
        every,
        unit,
        sequence: sequences?.[row],
        status,
        type: integerType,
      };
      yield `{"tag":${JSON.stringify(tag)},${values.map((value) => `${value},`).join("")}${JSON.stringify(rest).slice(1)}`;
    }
  }
}

const csvHeader = [
  "time",
  "timestamp",
  "tag",
  "figure",
  "value",
  "unit",
  "quality",
  "status",
  "sequence",
  "every",
];

/** A header and a line for each value: of a window one for each figure. RFC 4180. */
export function* batchCsv(batch: Batch): Generator<string> {
  yield csvHeader.join(",");
  for (const { tag, unit, every, times, sequences, qualities, statuses, columns } of batch.series) {
    for (const [row, timestamp] of times.entries()) {
      const time = isoTime(timestamp);
      for (const { name, values } of columns) {
        const before = [time, timestamp, tag, name].map(csvCell);
        const after = [unit, qualities[row], statuses[row], sequences?.[row], every].map(csvCell);
        yield [...before, csvValue(values[row] ?? null), ...after].join(",");
      }
    }
  }
}

function isoTime(timestamp: number): string {
  const time = new Date(timestamp);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString();
}

function csvValue(value: TagValue | null): string {
  if (value === null) return "";
  // An empty text is no absent value.
  if (value === "") return '""';
  if (isStructured(value)) return csvCell(JSON.stringify(value));
  return csvCell(Object.is(value, -0) ? "-0" : plainText(value));
}

/** As JSON; JSON.stringify forgets the sign of a zero. */
function exactly(value: TagValue | null): string {
  return Object.is(value, -0) ? "-0" : encodeTagValue(value);
}

function csvCell(content: string | number | null | undefined): string {
  const text = String(content ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
