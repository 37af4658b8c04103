import type * as z from "zod";
import { nearestName } from "../domain/nearest.ts";
import { readCsv, type Cell, type CsvTable } from "./csv-table.ts";
import type { Mistakes } from "./mistakes.ts";
import { keysAt, kindsAt, type ValueKind } from "./schema-walk.ts";
import type { Place, Source, SourceEntry } from "./source.ts";

/** The column that names the tag. */
const nameColumn = "tag";

interface Column {
  readonly path: readonly string[];
  readonly kinds: ReadonlySet<ValueKind>;
}

/**
 * Reads tags from a CSV file: a row each, the columns are the keys of a tag with nested ones dotted (`write.min`), empty
 * cells are absent keys. The schema tells what is a number; `yes` in a column of a map (`write`) is the empty map.
 */
export function readCsvTags(
  text: string,
  file: string,
  schema: z.ZodObject<z.ZodRawShape>,
  mistakes: Mistakes,
): Source | undefined {
  const table = readCsv(text, file, mistakes);
  if (table === undefined) return undefined;
  const start: Place = { file, line: 1, column: 1 };
  const [header, ...rows] = table.rows;
  const nameAt = header?.findIndex((cell) => cell.text === nameColumn) ?? -1;
  if (header === undefined || nameAt === -1) {
    mistakes.add(header?.[0]?.place ?? start, ["tags"], {
      message: `there is no column ${nameColumn}`,
      allowed: "a header row with the column tag, such as tag,address,type,unit,poll",
    });
    return undefined;
  }
  const columns = readHeader(header, schema, mistakes);
  const tags = new Map<string, SourceEntry>();
  for (const row of rows) addRow(tags, row, nameAt, columns, table, mistakes);
  return { kind: "map", place: start, entries: tags };
}

function readHeader(
  header: readonly Cell[],
  schema: z.ZodObject<z.ZodRawShape>,
  mistakes: Mistakes,
): readonly (Column | undefined)[] {
  const known = [nameColumn, ...columnNames(schema, [])];
  const seen = new Set<string>();
  return header.map((cell) => {
    if (cell.text === nameColumn && !seen.has(nameColumn)) {
      seen.add(nameColumn);
      return undefined;
    }
    const path = cell.text.split(".");
    if (seen.has(cell.text)) {
      mistakes.add(cell.place, ["tags", cell.text], {
        message: `the column ${cell.text} stands twice`,
        allowed: "each column once",
      });
      return undefined;
    }
    seen.add(cell.text);
    const kinds = kindsAt(schema, path);
    if (fitsCell(kinds)) return { path, kinds };
    mistakes.add(cell.place, ["tags"], {
      message: cell.text === "" ? "a column has no name" : `unknown column "${cell.text}"`,
      allowed: known.join(", "),
      meant: nearestName(cell.text, known),
    });
    return undefined;
  });
}

function columnNames(schema: z.ZodObject<z.ZodRawShape>, path: readonly string[]): readonly string[] {
  return keysAt(schema, path).flatMap((key) => {
    const own = [...path, key];
    const kinds = kindsAt(schema, own);
    return [
      ...(fitsCell(kinds) ? [own.join(".")] : []),
      ...(kinds.has("map") ? columnNames(schema, own) : []),
    ];
  });
}

/** A list, such as the permissive tags of a write, has no place in one cell. */
function fitsCell(kinds: ReadonlySet<ValueKind>): boolean {
  return [...kinds].some((kind) => kind !== "list");
}

function addRow(
  tags: Map<string, SourceEntry>,
  row: readonly Cell[],
  nameAt: number,
  columns: readonly (Column | undefined)[],
  table: CsvTable,
  mistakes: Mistakes,
): void {
  const beyond = row.slice(columns.length).find((cell) => cell.text !== "");
  if (beyond !== undefined) {
    mistakes.add(beyond.place, ["tags"], {
      message: "this row has more cells than the header",
      allowed: `${columns.length} cells; a cell that holds ${table.delimiter} is quoted with "`,
    });
  }
  const name = row[nameAt];
  if (name === undefined || name.text === "") {
    const place = name?.place ?? row[0]?.place;
    if (place !== undefined) {
      mistakes.add(place, ["tags"], {
        message: "this row has no tag name",
        allowed: "a name in the column tag",
      });
    }
    return;
  }
  const first = tags.get(name.text)?.keyPlace;
  if (first !== undefined) {
    mistakes.add(name.place, ["tags", name.text], {
      message: `the tag "${name.text}" stands twice; it is first given on line ${first.line}`,
      allowed: "each tag once",
    });
    return;
  }
  const entries = new Map<string, SourceEntry>();
  for (const [index, column] of columns.entries()) {
    const cell = row[index];
    if (column === undefined || cell === undefined || cell.text === "") continue;
    const value = cellValue(cell, column, table);
    if (value !== undefined) setAt(entries, column.path, cell.place, value);
  }
  tags.set(name.text, { keyPlace: name.place, value: { kind: "map", place: name.place, entries } });
}

/** A cell is text; the schema tells what it stands for. Undefined where the key counts as absent. */
function cellValue(cell: Cell, column: Column, table: CsvTable): Source | undefined {
  const { text, place } = cell;
  const { kinds } = column;
  if (kinds.has("map")) {
    if (/^(yes|true)$/i.test(text)) return { kind: "map", place, entries: new Map() };
    if (/^(no|false)$/i.test(text)) return undefined;
  }
  if (kinds.has("boolean") && /^(true|false)$/i.test(text)) {
    return { kind: "scalar", place, value: text.toLowerCase() === "true" };
  }
  // Where any value may stand it is what it looks like, as in YAML.
  if (kinds.has("number") && (!kinds.has("string") || kinds.has("boolean"))) {
    const decimal = table.delimiter === ";" ? text.replace(/^([+-]?\d*),(\d+)$/, "$1.$2") : text;
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(decimal)) {
      return { kind: "scalar", place, value: Number(decimal) };
    }
  }
  return { kind: "scalar", place, value: text };
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
    // `write` beside `write.min`: the map that the nested columns made stays.
    if (existing?.kind !== "map") entries.set(key, { keyPlace: place, value });
    return;
  }
  const nested = existing?.kind === "map" ? new Map(existing.entries) : new Map<string, SourceEntry>();
  setAt(nested, rest, place, value);
  entries.set(key, { keyPlace: place, value: { kind: "map", place, entries: nested } });
}
