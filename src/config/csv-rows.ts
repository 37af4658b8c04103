import { nearestName } from "../domain/nearest.ts";
import { readCsv, type Cell, type CsvTable } from "./csv-table.ts";
import type { Mistakes } from "./mistakes.ts";
import { mergeSources, type Place, type Source, type SourceEntry } from "./source.ts";

/** Where the cells of a column belong, and how they are read. */
export interface Column {
  /** Below the row's own map. */
  readonly path: readonly string[];
  /** Undefined where the key counts as absent, and where a mistake is told. */
  value(cell: Cell, table: CsvTable): Source | undefined;
}

/** What the rows of a file are. */
export interface RowKind {
  /** What a row is, which is also the column that names it. */
  readonly noun: "tag" | "alert";
  /** Where the rows stand in the file that names the CSV file. */
  readonly key: "tags" | "alerts";
  /** A header as it might be. */
  readonly example: string;
  /** Beside the column of the name. */
  readonly columns: readonly string[];
  /** Undefined where there is no such column. */
  column(name: string): Column | undefined;
}

/** Reads a CSV file as a map of rows by name, each a map by its columns; empty cells are absent keys. */
export function readCsvRows(
  text: string,
  file: string,
  kind: RowKind,
  mistakes: Mistakes,
): Source | undefined {
  const table = readCsv(text, file, mistakes);
  if (table === undefined) return undefined;
  const { noun, key, example } = kind;
  const start: Place = { file, line: 1, column: 1 };
  const [header, ...rows] = table.rows;
  const nameAt = header?.findIndex((cell) => cell.text === noun) ?? -1;
  if (header === undefined || nameAt === -1) {
    mistakes.add(header?.[0]?.place ?? start, [key], {
      message: `there is no column ${noun}`,
      allowed: `a header row with the column ${noun}, such as ${example}`,
    });
    return undefined;
  }
  const reading = { kind, table, nameAt, columns: readHeader(header, kind, mistakes), mistakes };
  const entries = new Map<string, SourceEntry>();
  for (const row of rows) addRow(entries, row, reading);
  if (nameAt > 0) for (const comment of table.comments) checkComment(comment, reading);
  return { kind: "map", place: start, entries };
}

function readHeader(
  header: readonly Cell[],
  kind: RowKind,
  mistakes: Mistakes,
): readonly (Column | undefined)[] {
  const { noun, key } = kind;
  const known = [noun, ...kind.columns];
  const seen = new Set<string>();
  return header.map((cell) => {
    if (cell.text === noun && !seen.has(noun)) {
      seen.add(noun);
      return undefined;
    }
    if (seen.has(cell.text)) {
      mistakes.add(cell.place, [key, cell.text], {
        message: `the column ${cell.text} stands twice`,
        allowed: "each column once",
      });
      return undefined;
    }
    seen.add(cell.text);
    const found = kind.column(cell.text);
    if (found !== undefined) return found;
    mistakes.add(cell.place, [key], {
      message: cell.text === "" ? "a column has no name" : `unknown column "${cell.text}"`,
      allowed: known.join(", "),
      meant: nearestName(cell.text, known),
    });
    return undefined;
  });
}

/** Where names come first, a row that is left out begins with `#`. Elsewhere its first cell may just do so, and it would be gone. */
function checkComment(
  { text, place }: Cell,
  { kind: { noun, key }, table, nameAt, columns, mistakes }: RowReading,
): void {
  const cells = text.split(table.delimiter);
  if (cells.length < columns.length || cells[nameAt]?.trim() === "") return;
  mistakes.add(place, [key], {
    message: `this line begins with #, as a comment does, and looks like a row of the ${noun} ${cells[nameAt]?.trim()}`,
    allowed: `the first cell quoted, such as "${cells[0]}"; or a comment with fewer cells than the header`,
  });
}

interface RowReading {
  readonly kind: RowKind;
  readonly table: CsvTable;
  readonly nameAt: number;
  readonly columns: readonly (Column | undefined)[];
  readonly mistakes: Mistakes;
}

function addRow(
  rows: Map<string, SourceEntry>,
  row: readonly Cell[],
  { kind: { noun, key }, table, nameAt, columns, mistakes }: RowReading,
): void {
  const beyond = row.slice(columns.length).find((cell) => cell.text !== "");
  if (beyond !== undefined) {
    mistakes.add(beyond.place, [key], {
      message: "this row has more cells than the header",
      allowed: `${columns.length} cells; a cell that holds ${table.delimiter} is quoted with "`,
    });
  }
  const name = row[nameAt];
  if (name === undefined || name.text === "") {
    const place = name?.place ?? row[0]?.place;
    if (place !== undefined) {
      mistakes.add(place, [key], {
        message: `this row has no ${noun} name`,
        allowed: `a name in the column ${noun}`,
      });
    }
    return;
  }
  const first = rows.get(name.text)?.keyPlace;
  if (first !== undefined) {
    mistakes.add(name.place, [key, name.text], {
      message: `the ${noun} "${name.text}" stands twice; it is first given on line ${first.line}`,
      allowed: `each ${noun} once`,
    });
    return;
  }
  const entries = new Map<string, SourceEntry>();
  for (const [index, column] of columns.entries()) {
    const cell = row[index];
    if (column === undefined || cell === undefined || cell.text === "") continue;
    const value = column.value(cell, table);
    if (value !== undefined) setAt(entries, column.path, cell.place, value);
  }
  rows.set(name.text, { keyPlace: name.place, value: { kind: "map", place: name.place, entries } });
}

/** A cell's text as a number, as spreadsheets write it; undefined where it is none. */
export function cellNumber(text: string, { delimiter }: CsvTable): number | undefined {
  const decimal = delimiter === ";" ? text.replace(/^([+-]?\d*),(\d+)$/, "$1.$2") : text;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(decimal) ? Number(decimal) : undefined;
}

function setAt(
  entries: Map<string, SourceEntry>,
  path: readonly string[],
  place: Place,
  value: Source,
): void {
  const [key, ...rest] = path;
  if (key === undefined) return;
  const existing = entries.get(key)?.value;
  if (rest.length === 0) {
    // `write` beside `write.min`: what the nested columns made stays.
    const merged = existing === undefined ? value : mergeSources(value, existing);
    entries.set(key, { keyPlace: place, value: merged });
    return;
  }
  const nested = existing?.kind === "map" ? new Map(existing.entries) : new Map<string, SourceEntry>();
  setAt(nested, rest, place, value);
  entries.set(key, { keyPlace: place, value: { kind: "map", place, entries: nested } });
}
