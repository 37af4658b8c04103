import type * as z from "zod";
import { cellNumber, readCsvRows, type Column } from "./csv-rows.ts";
import type { Cell, CsvTable } from "./csv-table.ts";
import type { Mistakes } from "./mistakes.ts";
import { keysAt, kindsAt, type ValueKind } from "./schema-walk.ts";
import type { Source } from "./source.ts";

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
  const kind = {
    noun: "tag",
    key: "tags",
    example: "tag,address,type,unit,poll",
    columns: columnNames(schema, []),
    column: (name: string) => schemaColumn(schema, name.split(".")),
  } as const;
  return readCsvRows(text, file, kind, mistakes);
}

/** A column as the schema has it at a path; undefined where no value of it has its place in a cell. */
export function schemaColumn(schema: z.core.$ZodType, path: readonly string[]): Column | undefined {
  const kinds = kindsAt(schema, path);
  return fitsCell(kinds) ? { path, value: (cell, table) => cellValue(cell, kinds, table) } : undefined;
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

/** A cell is text; the schema tells what it stands for. Undefined where the key counts as absent. */
function cellValue(
  { text, place }: Cell,
  kinds: ReadonlySet<ValueKind>,
  table: CsvTable,
): Source | undefined {
  if (kinds.has("map")) {
    if (/^(yes|true)$/i.test(text)) return { kind: "map", place, entries: new Map() };
    if (/^(no|false)$/i.test(text)) return undefined;
  }
  if (kinds.has("boolean") && /^(true|false)$/i.test(text)) {
    return { kind: "scalar", place, value: text.toLowerCase() === "true" };
  }
  // Where any value may stand it is what it looks like, as in YAML.
  if (kinds.has("number") && (!kinds.has("string") || kinds.has("boolean"))) {
    const value = cellNumber(text, table);
    if (value !== undefined) return { kind: "scalar", place, value };
  }
  return { kind: "scalar", place, value: text };
}
