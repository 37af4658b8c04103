import type { ValueSpec } from "../../src/adapter-kit/index.ts";

/** The datatypes of metrics, by their names in a mapping, with their numbers on the wire. Sparkplug 3.0 §6.4.16. */
export const datatypes = {
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  uint8: 5,
  uint16: 6,
  uint32: 7,
  uint64: 8,
  float32: 9,
  float64: 10,
  bool: 11,
  string: 12,
  datetime: 13,
  text: 14,
  uuid: 15,
  dataset: 16,
  bytes: 17,
  file: 18,
  template: 19,
  "int8[]": 22,
  "int16[]": 23,
  "int32[]": 24,
  "int64[]": 25,
  "uint8[]": 26,
  "uint16[]": 27,
  "uint32[]": 28,
  "uint64[]": 29,
  "float32[]": 30,
  "float64[]": 31,
  "bool[]": 32,
  "string[]": 33,
  "datetime[]": 34,
} as const;

export type TypeName = keyof typeof datatypes;

export const typeNames = Object.keys(datatypes) as readonly TypeName[];

const namesByNumber = new Map<number, TypeName>(typeNames.map((name) => [datatypes[name], name]));

/** The type with this number; undefined where a metric can't have it. */
export function typeOfNumber(datatype: number): TypeName | undefined {
  return namesByNumber.get(datatype);
}

export type IntegerName = Extract<TypeName, `${"int" | "uint"}${8 | 16 | 32 | 64}`>;

const integers: Readonly<Record<IntegerName, { readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean }>> =
  {
    int8: { bits: 8, signed: true },
    int16: { bits: 16, signed: true },
    int32: { bits: 32, signed: true },
    int64: { bits: 64, signed: true },
    uint8: { bits: 8, signed: false },
    uint16: { bits: 16, signed: false },
    uint32: { bits: 32, signed: false },
    uint64: { bits: 64, signed: false },
  };

/** How wide an integer is, and what it holds. */
export interface IntegerForm {
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
  readonly min: bigint;
  readonly max: bigint;
}

export function isInteger(type: TypeName): type is IntegerName {
  return Object.hasOwn(integers, type);
}

export function integerForm(type: IntegerName): IntegerForm {
  const { bits, signed } = integers[type];
  const all = 1n << BigInt(bits);
  return { bits, signed, min: signed ? -all / 2n : 0n, max: (signed ? all / 2n : all) - 1n };
}

type ArrayName = Extract<TypeName, `${string}[]`>;

export function isArray(type: TypeName): type is ArrayName {
  return type.endsWith("[]");
}

/** The type of an array's elements; undefined for what is no array. */
export function elementOf(type: TypeName): TypeName | undefined {
  return isArray(type) ? (type.slice(0, -2) as TypeName) : undefined;
}

/** True for the types that the gateway can send to an edge node. */
export function isWritable(type: TypeName): boolean {
  return type !== "dataset" && type !== "template";
}

/** What a tag of this type may hold. A type that only the birth certificate tells passes as it comes. */
export function valueSpecOf(type: TypeName | undefined): ValueSpec {
  if (type === undefined || type === "float64") return { kind: "float" };
  if (isInteger(type)) {
    const { bits, signed, min, max } = integerForm(type);
    return { kind: "integer", min, max, ...(bits === 64 ? { wide: signed ? "int64" : "uint64" } : {}) };
  }
  if (isArray(type)) return { kind: "json" };
  switch (type) {
    case "float32":
      return { kind: "float", single: true };
    case "bool":
      return { kind: "boolean" };
    case "datetime":
      return { kind: "integer", min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) };
    case "string":
    case "text":
    case "uuid":
    case "bytes":
    case "file":
      return { kind: "string" };
    case "dataset":
    case "template":
      return { kind: "json" };
  }
}
