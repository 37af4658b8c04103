import type { JsonValue } from "../domain/reading.ts";
import { alertEntry, type Keys } from "./alert-entry.ts";
import type { AlertRule } from "./alerts.ts";
import { writeValue } from "./cell-value.ts";
import { alertColumns } from "./csv-alerts.ts";

/** Columns that are always there, for those who add a row. */
const usual = ["message", "tag", "above", "below", "deadband", "priority", "onDelay", "offDelay", "latch"];

/** The alerts as a CSV file that `readCsvAlerts` reads back as the same, whatever the defaults of alerts.yaml. */
export function alertsCsv(alerts: readonly AlertRule[]): string {
  const rows = alerts.map((alert) => ({ name: alert.name, cells: cellsOf(alertEntry(alert)) }));
  const used = alertColumns
    .map(({ name }) => name)
    .filter((name) => usual.includes(name) || rows.some(({ cells }) => cells.has(name)));
  const lines = [
    ["alert", ...used],
    ...rows.map(({ name, cells }) => [name, ...used.map((column) => cells.get(column) ?? "")]),
  ];
  return lines.map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}

function cellsOf(entry: Keys): ReadonlyMap<string, string> {
  const { when, ...flat } = entry;
  const inner = ["all", "any", "not"].some((key) => at(when, [key]) !== undefined);
  const cells = new Map<string, string>();
  for (const { name, path, kind } of alertColumns) {
    const ofCondition = path[0] === "when";
    const value = at(ofCondition ? entry : flat, path);
    if (value === undefined || (ofCondition && (name === "when") !== inner)) continue;
    cells.set(name, cellOf(value, kind));
  }
  return cells;
}

function cellOf(value: JsonValue, kind: (typeof alertColumns)[number]["kind"]): string {
  if (kind === "writes") return writesCell(value);
  if (typeof value === "object" || kind === "structure") return JSON.stringify(value);
  return kind === "plain" ? String(value) : writeValue(value);
}

function writesCell(writes: JsonValue): string {
  const [[tag, value] = [], ...more] = Object.entries(writes ?? {}) as [string, JsonValue][];
  if (value === undefined || typeof value === "object" || more.length > 0) return JSON.stringify(writes);
  return `${tag} = ${writeValue(value)}`;
}

/** `outside.low` is the first of two. */
function at(value: JsonValue | undefined, [key, ...rest]: readonly string[]): JsonValue | undefined {
  if (key === undefined) return value;
  if (typeof value !== "object" || value === null) return undefined;
  const inner: JsonValue | undefined = Array.isArray(value)
    ? (value as readonly JsonValue[])[["low", "high"].indexOf(key)]
    : (value as Keys)[key];
  return at(inner, rest);
}

function quoted(cell: string): string {
  return /[",;\r\n]|^[\s#]|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
