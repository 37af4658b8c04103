import type { DescribedAlert } from "../services/alerting/describe.ts";
import type { DeviceState } from "../supervisor/device-state.ts";
import { alignValue, fit, formatAge, formatCount, formatElapsed, formatValue } from "./demo-format.ts";
import { layOut, type Block } from "./demo-layout.ts";
import { qualityColour, stateColour, type Paint } from "./demo-style.ts";
import type { DeviceRows, Row } from "./demo-table.ts";
import { table, type TableColumn } from "./table.ts";

/** Everything that one picture of the demo shows. */
export interface DemoPicture {
  readonly gateway: string;
  readonly site: string;
  readonly addresses: { readonly mqtt: string; readonly nats: string; readonly http: string };
  readonly devices: readonly DeviceRows[];
  readonly online: number;
  readonly readings: number;
  readonly readingsPerSecond: number;
  readonly badReadings: number;
  readonly natsMessages: number;
  readonly writes: number;
  readonly rssBytes: number;
  readonly elapsedMs: number;
  /** Milliseconds since the Unix epoch: ages are reckoned from it. */
  readonly now: number;
  /** Those that are not normal. */
  readonly alerts: readonly DescribedAlert[];
  /** How to subscribe and to write: a word, and commands of which any will do. */
  readonly hints: readonly Hint[];
  /** What happened last: a write, a warning. */
  readonly notes: readonly string[];
}

export interface Hint {
  readonly what: string;
  readonly commands: readonly string[];
}

export interface Screen {
  readonly width: number;
  readonly height: number;
  readonly paint: Paint;
}

const alertsShown = 3;
const gap = 3;
/** The least width at which a row is still good to read. */
const narrowest = 60;
/** Beyond it a value stands too far from its name. */
const widest = 84;
const widths = { value: 13, unit: 6, quality: 9, age: 6 };

/** Devices with their tags, as last seen. */
export interface TagPicture {
  readonly devices: readonly DeviceRows[];
  /** Milliseconds since the Unix epoch: ages are reckoned from it. */
  readonly now: number;
}

/** The picture as lines that fit the screen: header, devices with their tags in one column or more, footer. */
export function renderScreen(picture: DemoPicture, screen: Screen): readonly string[] {
  return renderTags(picture, headerLines(picture, screen), footerLines(picture, screen), screen);
}

/** Devices with their tags in one column or more, between lines of another's. */
export function renderTags(
  picture: TagPicture,
  header: readonly string[],
  footer: readonly string[],
  { width, height, paint }: Screen,
): readonly string[] {
  const columns = Math.max(1, Math.min(3, Math.floor((width + gap) / (narrowest + gap))));
  const cell = Math.min(widest, Math.floor((width + gap) / columns) - gap);
  const titles = Array.from({ length: columns }, () => titleLine(cell)).join(" ".repeat(gap));
  const room = Math.max(1, height - header.length - 1 - footer.length);
  const blocks = picture.devices.map((device) => blockOf(device, cell, picture.now, paint));
  const { lines, hidden } = layOut(blocks, { columns, height: room, cell, gap });
  const more =
    hidden === 0 ? [] : [paint("dim", fit(`… ${hidden} more tags; a larger terminal shows them`, width))];
  const body = [...lines, ...more];
  const filled = [...body, ...Array.from({ length: Math.max(0, room - body.length) }, () => "")];
  return [...header, paint("dim", titles.trimEnd()), ...filled, ...footer].slice(0, Math.max(1, height));
}

function headerLines(picture: DemoPicture, { width, paint }: Screen): readonly string[] {
  const { addresses } = picture;
  const name = `Linegate  ${picture.gateway}  ${picture.site}`;
  const where = `MQTT ${addresses.mqtt}   NATS ${addresses.nats}   HTTP ${addresses.http}`;
  const together = name.length + where.length + 4 <= width;
  const first = together
    ? [`${name}${where.padStart(width - name.length)}`]
    : [fit(name, width), fit(where, width)];
  const figures = [
    `${picture.online}/${picture.devices.length} devices online`,
    `${formatCount(picture.readingsPerSecond)} readings/s`,
    `${formatCount(picture.readings)} readings, ${formatCount(picture.badReadings)} bad`,
    `${formatCount(picture.natsMessages)} NATS messages`,
    `${formatCount(picture.writes)} writes`,
    `RSS ${formatCount(picture.rssBytes / 1e6)} MB with the simulators`,
    formatElapsed(picture.elapsedMs),
  ].join("   ");
  return [
    ...first.map((line) => paint("bold", line)),
    fit(figures, width),
    ...alertLines(picture, width, paint),
  ];
}

/** The worst that is not normal, a line each. */
function alertLines({ alerts }: DemoPicture, width: number, paint: Paint): readonly string[] {
  const sorted = alerts.toSorted((one, other) => rankOf(one) - rankOf(other));
  const lines = sorted.slice(0, alertsShown).map((alert) => {
    const text = `${alert.priority.toUpperCase()}  ${alert.alert}  ${alert.state}  ${alert.message}`;
    return paint(alert["raised"] === true ? "red" : "yellow", fit(text, width));
  });
  const more = alerts.length - lines.length;
  return more <= 0 ? lines : [...lines, paint("yellow", fit(`… ${more} more alerts`, width))];
}

/** What is raised before what is not, then by priority. */
function rankOf({ raised, priority }: DescribedAlert): number {
  return (raised === true ? 0 : 10) + ["critical", "high", "medium", "low"].indexOf(priority);
}

function footerLines({ hints, notes }: DemoPicture, { width, height, paint }: Screen): readonly string[] {
  const commands = hintLines(hints, width).map((line) => fit(line, width));
  const rest = notes.map((note) => paint("dim", fit(note, width)));
  // On a very small terminal the tags are worth more than the commands.
  return height < 16 ? rest.slice(0, 1) : ["", ...commands, ...rest];
}

/** The commands of a hint in one line where it is wide enough for them, else a line each. */
export function hintLines(hints: readonly Hint[], width: number): readonly string[] {
  const indent = Math.max(0, ...hints.map(({ what }) => what.length)) + 1;
  return hints.flatMap(({ what, commands }) => {
    const one = `${what.padEnd(indent)}${commands.join("   or   ")}`;
    if (one.length <= width) return [one];
    return commands.map((command, index) => `${(index === 0 ? what : "or").padEnd(indent)}${command}`);
  });
}

function blockOf(device: DeviceRows, cell: number, now: number, paint: Paint): Block {
  const state = describeState(device.state);
  const name = device.device.padEnd(10);
  const place = fit(`  ${device.place}`, Math.max(0, cell - name.length - state.length - 1));
  return {
    heading: {
      text: `${paint("bold", name)} ${paint(stateColour(device.state), fit(state, cell - name.length - 1))}${paint("dim", place)}`,
      width: Math.min(cell, name.length + 1 + state.length + place.length),
    },
    continued: {
      text: paint("dim", fit(`${device.device} (continued)`, cell)),
      width: Math.min(cell, device.device.length + 12),
    },
    rows: device.rows.map((row) => ({ text: rowLine(row, cell, now, paint), width: cell })),
  };
}

/** What a cell leaves for the tag's name: an indent of two, and a blank before each of the four others. */
function tagWidth(cell: number): number {
  return cell - 2 - widths.value - widths.unit - widths.quality - widths.age - 4;
}

function titleLine(cell: number): string {
  const tag = tagWidth(cell);
  const titles = [
    `  ${"TAG".padEnd(tag)}`,
    // Over the decimal points, where most values end.
    "VALUE".padStart(widths.value - 4).padEnd(widths.value),
    "UNIT".padEnd(widths.unit),
    "QUALITY".padEnd(widths.quality),
    "AGE".padStart(widths.age),
  ];
  return titles.join(" ");
}

function rowLine(row: Row, cell: number, now: number, paint: Paint): string {
  const { value, unit, quality, age } = widths;
  const tag = tagWidth(cell);
  const known = row.quality !== undefined;
  const shown = formatValue(row);
  const figure =
    row.value === null
      ? fit(shown, value + unit + 1).padEnd(value + unit + 1)
      : `${alignValue(shown, value)} ${fit(row.unit, unit).padEnd(unit)}`;
  const cells = [
    `  ${fit(row.tag, tag).padEnd(tag)}`,
    figure,
    (row.quality ?? "–").padEnd(quality),
    known ? formatAge(now - row.timestamp).padStart(age) : "".padStart(age),
  ];
  const line = cells.join(" ");
  const colour = qualityColour(row.quality);
  return colour === "plain" ? line : paint(colour, line);
}

/** A device's state in words; where it is offline, why, and when the next try comes. */
export function describeState(state: DeviceState): string {
  if (state.state !== "offline") return state.state;
  const retry = state.retryInMs === undefined ? "" : `, next try in ${formatAge(state.retryInMs)}`;
  return `offline ${state.error.code}${retry}`;
}

const tableColumns: readonly TableColumn[] = [
  { heading: "DEVICE" },
  { heading: "STATE" },
  { heading: "TAG" },
  { heading: "VALUE", align: "right" },
  { heading: "UNIT" },
  { heading: "QUALITY" },
  { heading: "AGE", align: "right" },
];

/** The same as a plain table for files and pipes: every tag, every column, no escape codes. */
export function renderTable({ devices, now }: TagPicture): readonly string[] {
  const rows = devices.flatMap(({ device, state, rows: tags }) =>
    tags.map((row) => [
      device,
      state.state,
      row.tag,
      formatValue(row),
      row.unit,
      row.quality ?? "–",
      row.quality === undefined ? "" : formatAge(now - row.timestamp),
    ]),
  );
  return table(tableColumns, rows).split("\n");
}
