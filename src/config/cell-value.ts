import { parse } from "yaml";
import type { JsonValue } from "../domain/reading.ts";
import { cellNumber } from "./csv-rows.ts";
import type { CsvTable } from "./csv-table.ts";
import type { Place, Source } from "./source.ts";

/** The files that are written here; `;` is what some spreadsheets make of them. */
const written: CsvTable = { rows: [], comments: [], delimiter: "," };

/** What a cell that may hold any value says: as in YAML it is what it looks like, and a text where it stands in quotes. */
export function readValue(text: string, table: CsvTable): JsonValue {
  if (/^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
  const number = cellNumber(text, table);
  if (number !== undefined) return number;
  return quoted(text) ?? text;
}

function quoted(text: string): string | undefined {
  if (!/^".*"$/s.test(text)) return undefined;
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

/** The text that `readValue` takes for the value. */
export function writeValue(value: boolean | number | string): string {
  if (typeof value !== "string") return String(value);
  const plain = value !== "" && value.trim() === value && !/^["{[]/.test(value);
  return plain && readValue(value, written) === value ? value : JSON.stringify(value);
}

/** What a cell with a whole structure says, in JSON or as YAML has it in one line; undefined where it is neither. */
export function readStructure(text: string, place: Place): Source | undefined {
  try {
    const value: unknown = parse(text, { logLevel: "error" });
    return typeof value === "object" && value !== null ? sourceOf(value, place) : undefined;
  } catch {
    return undefined;
  }
}

/** A plain value, all of it standing at one place. */
export function sourceOf(value: unknown, place: Place): Source {
  if (Array.isArray(value)) {
    return { kind: "list", place, items: value.map((item) => sourceOf(item, place)) };
  }
  if (typeof value !== "object" || value === null) return { kind: "scalar", place, value };
  const entries = Object.entries(value).map(
    ([key, one]) => [key, { keyPlace: place, value: sourceOf(one, place) }] as const,
  );
  return { kind: "map", place, entries: new Map(entries) };
}
