import { CsvError, parse, type CastingContext } from "csv-parse/sync";
import type { Mistakes } from "./mistakes.ts";
import type { Place } from "./source.ts";

/** One cell with the place of its first character. */
export interface Cell {
  readonly text: string;
  readonly place: Place;
}

export interface CsvTable {
  /** The header row first; empty rows and comments left out. */
  readonly rows: readonly (readonly Cell[])[];
  /** Lines that begin with `#`, as they stand. */
  readonly comments: readonly Cell[];
  /** `;` is what spreadsheets write where the comma is the decimal sign. */
  readonly delimiter: "," | ";";
}

/** Reads a CSV file (RFC 4180, `#` comments, `,` or `;`, with or without a byte order mark). Undefined where it is broken. */
export function readCsv(text: string, file: string, mistakes: Mistakes): CsvTable | undefined {
  const broken = text.indexOf("\ufffd");
  if (broken >= 0) {
    const before = text.slice(0, broken).split("\n");
    mistakes.add({ file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }, [], {
      message: "this is not UTF-8",
      allowed: "UTF-8; in a spreadsheet: save as CSV UTF-8",
    });
    return undefined;
  }
  const bytes = Buffer.from(text.replace(/^\ufeff/, ""));
  const delimiter = delimiterOf(bytes.toString());
  const places = new CellPlaces(bytes, file);
  try {
    const rows = parse(bytes, {
      delimiter,
      comment: "#",
      comment_no_infix: true,
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      cast: (value, context) => ({ text: value, place: places.of(value, context) }),
    }) as unknown as Cell[][];
    const filled = rows.filter((row) => row.some((cell) => cell.text !== ""));
    return { rows: filled, comments: commentsIn(bytes.toString(), file), delimiter };
  } catch (caught) {
    if (!(caught instanceof CsvError)) throw caught;
    const line = Number(caught["lines"] ?? 1);
    mistakes.add({ file, line, column: 1 }, [], {
      message: `this is not CSV: ${caught.message}`,
      allowed: 'cells separated by , or ; and quoted with " where they hold these',
    });
    return undefined;
  }
}

/** A `#` within a cell that goes over several lines begins no comment. */
function commentsIn(text: string, file: string): readonly Cell[] {
  let isQuoted = false;
  return text.split("\n").flatMap((line, index) => {
    if (!isQuoted && line.startsWith("#"))
      return [{ text: line.trimEnd(), place: { file, line: index + 1, column: 1 } }];
    for (const character of line) if (character === '"') isQuoted = !isQuoted;
    return [];
  });
}

/** The header row tells: it holds key names only. */
function delimiterOf(text: string): "," | ";" {
  const header = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#")) ?? "";
  return header.includes(";") ? ";" : ",";
}

/** Finds where cells begin: the parser tells the line and the byte at which each ends. */
class CellPlaces {
  readonly #bytes: Buffer;
  readonly #file: string;
  readonly #lineStarts = [0];
  #previousEnd = 0;

  constructor(bytes: Buffer, file: string) {
    this.#bytes = bytes;
    this.#file = file;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) this.#lineStarts.push(at + 1);
  }

  of(value: string, context: CastingContext): Place {
    const line = context.lines - (value.split("\n").length - 1);
    const lineStart = this.#lineStarts[line - 1] ?? 0;
    let start = context.index === 0 ? lineStart : Math.max(lineStart, this.#previousEnd + 1);
    while (start < context.bytes && (this.#bytes[start] === 32 || this.#bytes[start] === 9)) start += 1;
    this.#previousEnd = context.bytes;
    const before = this.#bytes.subarray(lineStart, start).toString();
    return { file: this.#file, line, column: before.length + 1 };
  }
}
