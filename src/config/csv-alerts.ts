import { alertSchema } from "./alerts-schema.ts";
import { readStructure, readValue, sourceOf } from "./cell-value.ts";
import { readCsvRows, type Column } from "./csv-rows.ts";
import type { Cell, CsvTable } from "./csv-table.ts";
import { schemaColumn } from "./csv-tags.ts";
import type { Mistakes } from "./mistakes.ts";
import { emptyMap, sourceAt, withKey, type Place, type Source } from "./source.ts";

/**
 * How a cell is read: `plain` as the schema has it; `value` may be of any type; `structure` is JSON; `writes` is
 * `tag = value`, or JSON where there are several.
 */
type CellKind = "plain" | "value" | "structure" | "writes";

interface AlertColumn {
  readonly name: string;
  readonly path: readonly string[];
  readonly kind: CellKind;
}

const ofAlert = ["priority", "onDelay", "offDelay", "latch", "acknowledge", "realarm", "group"];
/** The keys of `when` stand without it. */
const ofCondition =
  "tag above below outside.low outside.high deadband is isNot changes holdFor rate.above rate.over rate.direction deviates.from deviates.by stale quality offline count.tag count.edge count.station count.event count.atLeast count.within";
const momentKeys = ["onRaise", "onAcknowledge", "onClear"];

/** The columns of a file of alerts, beside the alert's name, in the order in which they are written. */
export const alertColumns: readonly AlertColumn[] = [
  { name: "message", path: ["message"], kind: "plain" },
  ...ofCondition.split(" ").map((name): AlertColumn => {
    const kind = name === "is" || name === "isNot" ? "value" : "plain";
    return { name, path: ["when", ...name.split(".")], kind };
  }),
  { name: "when", path: ["when"], kind: "structure" },
  ...ofAlert.map((name): AlertColumn => ({ name, path: [name], kind: "plain" })),
  { name: "suppressWhile", path: ["suppressWhile"], kind: "structure" },
  ...momentKeys.flatMap((moment): readonly AlertColumn[] => [
    { name: `${moment}.write`, path: [moment, "write"], kind: "writes" },
    { name: `${moment}.publish`, path: [moment, "publish"], kind: "structure" },
    { name: `${moment}.webhook`, path: [moment, "webhook"], kind: "structure" },
  ]),
];

/** Reads alerts from a CSV file: a row each, the columns are the keys of an alert, those of its condition among them. */
export function readCsvAlerts(text: string, file: string, mistakes: Mistakes): Source | undefined {
  const columns = new Map(alertColumns.map((column) => [column.name, column]));
  const rows = readCsvRows(
    text,
    file,
    {
      noun: "alert",
      key: "alerts",
      example: "alert,message,priority,tag,above,deadband,onDelay",
      columns: [...columns.keys()],
      column: (name) => {
        const column = columns.get(name);
        return column === undefined ? undefined : { path: column.path, value: reader(column, mistakes) };
      },
    },
    mistakes,
  );
  if (rows?.kind !== "map") return rows;
  const entries = [...rows.entries].map(
    ([name, { keyPlace, value }]) => [name, { keyPlace, value: withLimits(value) }] as const,
  );
  return { ...rows, entries: new Map(entries) };
}

function reader({ name, path, kind }: AlertColumn, mistakes: Mistakes): Column["value"] {
  // Not the schema's: there the two limits are a list.
  const ofLimits = path.includes("outside") ? ["when", "above"] : path;
  const plain = schemaColumn(alertSchema, ofLimits);
  return (cell, table) => {
    switch (kind) {
      case "plain":
        return plain?.value(cell, table);
      case "value":
        return { kind: "scalar", place: cell.place, value: readValue(cell.text, table) };
      case "writes":
        return oneWrite(cell, table) ?? structure(cell, name, mistakes);
      case "structure":
        return structure(cell, name, mistakes);
    }
  };
}

/** `press-1/motor/setpoint = 600` */
function oneWrite({ text, place }: Cell, table: CsvTable): Source | undefined {
  const [, tag, value] = /^([^={}[\]\s"]+)\s*=\s*(.+)$/s.exec(text) ?? [];
  if (tag === undefined || value === undefined) return undefined;
  const found = /^[[{]/.test(value) ? readStructure(value, place) : undefined;
  return withKey(emptyMap(place), tag, found ?? sourceOf(readValue(value, table), place));
}

function structure({ text, place }: Cell, name: string, mistakes: Mistakes): Source {
  const found = readStructure(text, place);
  if (found !== undefined) return found;
  mistakes.add(place, ["alerts", name], {
    message: `the cell in the column ${name} can't be read`,
    allowed: examples[name] ?? examples[name.replace(/^\w+\./, "")],
  });
  return { kind: "scalar", place, value: null, told: true };
}

const examples: Readonly<Record<string, string>> = {
  when: 'JSON, such as {"all": [{"tag": "press-1/ram/pressure", "above": 200}, {"offline": "welder-1"}]}',
  suppressWhile: 'JSON, such as {"tag": "press-1/line/enable", "is": false}',
  write: 'such as press-1/motor/setpoint = 600; several as JSON: {"press-1/motor/setpoint": 600}',
  publish: 'JSON, such as [{"topic": "andon/line1", "payload": "${alert}"}]',
  webhook: 'JSON, such as [{"url": "https://example.com/hook"}]',
};

/** The two columns of `outside` as the list that it is. */
function withLimits(alert: Source): Source {
  const when = sourceAt(alert, "when");
  const outside = when === undefined ? undefined : sourceAt(when, "outside");
  if (when === undefined || outside?.kind !== "map") return alert;
  const place: Place = outside.place;
  const items = ["low", "high"].flatMap((key) => sourceAt(outside, key) ?? []);
  return withKey(alert, "when", withKey(when, "outside", { kind: "list", place, items }));
}
