import { nearestName } from "../../src/adapter-kit/index.ts";
import { isMistake, mistake, type Mistake } from "./mistake.ts";

/** The four tables of the Modbus data model (Modbus V1.1b3 §4.3). */
export type Table = "coil" | "discrete" | "holding" | "input";

/** True for the tables whose entries are single bits. */
export function isBitTable(table: Table): boolean {
  return table === "coil" || table === "discrete";
}

/** All tables, in the order of their Modicon digits 0, 1, 3 and 4. */
export const tables: readonly Table[] = ["coil", "discrete", "input", "holding"];

/** Where a tag's value starts. Plain data. */
export interface Address {
  readonly table: Table;
  /** The address in the request: zero-based, 0 to 65535. */
  readonly offset: number;
  /** One bit of a register, 0 (least significant) to 15; only for `holding` and `input`. */
  readonly bit?: number;
}

/** A run of addresses that a device must never be asked for. Plain data. */
export interface Hole {
  readonly table: Table;
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/** The last address of every table. */
export const lastOffset = 65_535;

const addressForm =
  "holding:40, input:7, coil:3 or discrete:0 (zero-based, 0 to 65535), holding:40.3 for a bit, " +
  "or Modicon's one-based 40041, 400041 or 4x0041";
const holeForm = "a zero-based address or a range of them, such as holding:60 or holding:60..69";

const modiconTables: Readonly<Record<string, Table>> = {
  "0": "coil",
  "1": "discrete",
  "3": "input",
  "4": "holding",
};

/**
 * Reads an address: `holding:40`, `input:7.3`, or one of the one-based Modicon forms `40041`, `400041`, `4x0041`
 * (also with `.3`), which all mean the register `holding:40`. Spaces around and the case of letters do not matter.
 */
export function parseAddress(text: string): Address | Mistake {
  const match = /^([^.]+?)(?:\.(\d+))?$/.exec(text.trim());
  if (match?.[1] === undefined) return notAnAddress(text);
  const word = match[1].includes(":") ? parseNamed(match[1], text) : parseModicon(match[1], text);
  if (isMistake(word) || match[2] === undefined) return word;
  const bit = Number(match[2]);
  if (word.table === "coil" || word.table === "discrete") {
    const whole = formatAddress(word);
    return mistake(`${text}: ${word.table} addresses have no bits of their own`, whole, whole);
  }
  if (bit > 15) return mistake(`${text}: a register has no bit ${match[2]}`, "bits 0 to 15");
  return { ...word, bit };
}

/** The canonical form, which `parseAddress` reads back: `holding:40`, `holding:40.3`. */
export function formatAddress(address: Address): string {
  const word = `${address.table}:${address.offset}`;
  return address.bit === undefined ? word : `${word}.${address.bit}`;
}

/** Reads `holding:60` or `holding:60..69` (both ends included; the Modicon forms too: `40061..40070`). */
export function parseHole(text: string): Hole | Mistake {
  const parts = text.split("..");
  const first = parseAddress(parts[0] ?? "");
  if (isMistake(first)) return parts.length > 2 ? mistake(`${text} is no range`, holeForm) : first;
  if (first.bit !== undefined || parts.length > 2) return mistake(`${text} is no range`, holeForm);
  if (parts[1] === undefined) return { table: first.table, start: first.offset, end: first.offset };
  const last = parseEnd(parts[1], first.table, parts[0] ?? "");
  if (isMistake(last)) return last;
  if (last.table !== first.table || last.bit !== undefined) {
    return mistake(`${text} is no range within one table`, holeForm);
  }
  if (last.offset < first.offset) {
    return mistake(`${text} ends before it starts`, holeForm);
  }
  return { table: first.table, start: first.offset, end: last.offset };
}

/** The end of a range: a bare number continues the table where the start named it by its name. */
function parseEnd(end: string, table: Table, start: string): Address | Mistake {
  return start.includes(":") && /^\s*\d+\s*$/.test(end)
    ? parseNamed(`${table}:${end.trim()}`, end)
    : parseAddress(end);
}

function parseNamed(word: string, text: string): Address | Mistake {
  const [name = "", digits = "", ...more] = word.split(":").map((part) => part.trim());
  const table = tables.find((candidate) => candidate === name.toLowerCase());
  if (table === undefined) {
    const nearest = nearestName(name, tables);
    const meant = nearest === undefined ? undefined : `${nearest}:${digits}`;
    return mistake(`${text}: there is no table ${name}`, addressForm, meant);
  }
  if (!/^\d+$/.test(digits) || more.length > 0) return notAnAddress(text);
  return within({ table, offset: Number(digits) }, text, "0 to 65535");
}

/** `40041` has four digits after the table's, so reaches 9999; `400041` and `4x0041` reach the whole table. */
function parseModicon(word: string, text: string): Address | Mistake {
  const match = /^([0134])(?:[xX](\d{1,6})|(\d{4,5}))$/.exec(word);
  const digits = match?.[2] ?? match?.[3];
  const table = modiconTables[match?.[1] ?? ""];
  if (digits === undefined || table === undefined) return notAnAddress(text);
  const number = Number(digits);
  if (number === 0) {
    return mistake(`${text}: Modicon addresses are one-based, there is no number 0`, addressForm);
  }
  return within({ table, offset: number - 1 }, text, "1 to 65536 after the table's digit");
}

function within(address: Address, text: string, allowed: string): Address | Mistake {
  if (address.offset <= lastOffset) return address;
  return mistake(`${text} is beyond the last address of a table, 65535 (Modicon's 65536)`, allowed);
}

function notAnAddress(text: string): Mistake {
  const bare = /^\s*(\d{1,5})\s*$/.exec(text)?.[1];
  return mistake(
    `${text} is no Modbus address`,
    addressForm,
    bare === undefined ? undefined : `holding:${bare}`,
  );
}
