import { nearestName, type ValueSpec } from "../../src/adapter-kit/index.ts";
import { mistake, type Mistake } from "./mistake.ts";

/** The types that have a fixed size. */
export type PlainKind =
  | "bool"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "float32"
  | "float64"
  | "bcd16"
  | "bcd32";

/** How registers become a value. Plain data. */
export type DataType =
  | { readonly kind: PlainKind }
  | {
      readonly kind: "string";
      /** Characters, a byte each; two share a register. */
      readonly length: number;
    };

/** All kinds of fixed size, in the order in which they are listed to an operator. */
export const plainKinds: readonly [PlainKind, ...PlainKind[]] = [
  "bool",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "float32",
  "float64",
  "bcd16",
  "bcd32",
];

/** 125 registers of two characters: the most that one response carries (Modbus V1.1b3 §6.3). */
const longestString = 250;

const typeForm = `${plainKinds.join(", ")} or string(n) with n from 1 to ${longestString}`;

/** Other names that manuals and other gateways use. */
const aliases: ReadonlyMap<string, PlainKind> = new Map([
  ["boolean", "bool"],
  ["bit", "bool"],
  ["short", "int16"],
  ["word", "uint16"],
  ["dint", "int32"],
  ["dword", "uint32"],
  ["lint", "int64"],
  ["lword", "uint64"],
  ["float", "float32"],
  ["real", "float32"],
  ["double", "float64"],
  ["lreal", "float64"],
]);

/** Reads `float32`, `string(16)`, …; an alias is offered as what was meant, not taken, so that a file has one word for it. */
export function parseDataType(text: string): DataType | Mistake {
  const word = text.trim().toLowerCase();
  const plain = plainKinds.find((kind) => kind === word);
  if (plain !== undefined) return { kind: plain };
  const length = /^string\s*\(\s*(\d+)\s*\)$/.exec(word)?.[1];
  if (length !== undefined) {
    const characters = Number(length);
    if (characters >= 1 && characters <= longestString) return { kind: "string", length: characters };
    return mistake(`${text}: a string has 1 to ${longestString} characters`, typeForm);
  }
  const meant = word === "string" ? "string(16)" : (aliases.get(word) ?? nearestName(word, plainKinds));
  return mistake(`there is no type ${text}`, typeForm, meant);
}

/** The canonical form, which `parseDataType` reads back. */
export function formatDataType(type: DataType): string {
  return type.kind === "string" ? `string(${type.length})` : type.kind;
}

/** How many registers a value fills; in the tables of bits, `bool` fills one bit instead. */
export function registersOf(type: DataType): number {
  switch (type.kind) {
    case "bool":
    case "int16":
    case "uint16":
    case "bcd16":
      return 1;
    case "int32":
    case "uint32":
    case "float32":
    case "bcd32":
      return 2;
    case "int64":
    case "uint64":
    case "float64":
      return 4;
    case "string":
      return Math.ceil(type.length / 2);
  }
}

/** What the raw value may be. */
export function valueSpecOf(type: DataType): ValueSpec {
  switch (type.kind) {
    case "bool":
      return { kind: "boolean" };
    case "int16":
      return { kind: "integer", min: -0x8000n, max: 0x7fffn };
    case "uint16":
      return { kind: "integer", min: 0n, max: 0xffffn };
    case "int32":
      return { kind: "integer", min: -0x8000_0000n, max: 0x7fff_ffffn };
    case "uint32":
      return { kind: "integer", min: 0n, max: 0xffff_ffffn };
    case "int64":
      return { kind: "integer", min: -(2n ** 63n), max: 2n ** 63n - 1n, wide: "int64" };
    case "uint64":
      return { kind: "integer", min: 0n, max: 2n ** 64n - 1n, wide: "uint64" };
    case "bcd16":
      return { kind: "integer", min: 0n, max: 9_999n };
    case "bcd32":
      return { kind: "integer", min: 0n, max: 99_999_999n };
    case "float32":
      return { kind: "float", single: true };
    case "float64":
      return { kind: "float" };
    case "string":
      return { kind: "string", maxLength: type.length };
  }
}
