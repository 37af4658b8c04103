import type { TagValue, ValueSpec } from "../../src/adapter-kit/index.ts";

interface ValueType {
  /** The name of the OPC UA built-in type, Part 6 §5.1.2. */
  readonly builtIn: string;
  readonly spec: ValueSpec;
}

function integer(bits: number, signed: boolean): ValueSpec {
  const span = 1n << BigInt(bits);
  const min = signed ? -span / 2n : 0n;
  const max = signed ? span / 2n - 1n : span - 1n;
  return bits === 64
    ? { kind: "integer", min, max, wide: signed ? "int64" : "uint64" }
    : { kind: "integer", min, max };
}

const types = {
  bool: { builtIn: "Boolean", spec: { kind: "boolean" } },
  int8: { builtIn: "SByte", spec: integer(8, true) },
  uint8: { builtIn: "Byte", spec: integer(8, false) },
  int16: { builtIn: "Int16", spec: integer(16, true) },
  uint16: { builtIn: "UInt16", spec: integer(16, false) },
  int32: { builtIn: "Int32", spec: integer(32, true) },
  uint32: { builtIn: "UInt32", spec: integer(32, false) },
  int64: { builtIn: "Int64", spec: integer(64, true) },
  uint64: { builtIn: "UInt64", spec: integer(64, false) },
  float32: { builtIn: "Float", spec: { kind: "float", single: true } },
  float64: { builtIn: "Double", spec: { kind: "float" } },
  string: { builtIn: "String", spec: { kind: "string" } },
  datetime: { builtIn: "DateTime", spec: { kind: "string" } },
  bytestring: { builtIn: "ByteString", spec: { kind: "string" } },
  guid: { builtIn: "Guid", spec: { kind: "string" } },
  localizedtext: { builtIn: "LocalizedText", spec: { kind: "string" } },
  json: { builtIn: "", spec: { kind: "json" } },
} as const satisfies Record<string, ValueType>;

type TypeName = keyof typeof types;
export const typeNames = Object.keys(types) as [TypeName, ...TypeName[]];

/** What a tag of this type may hold; without a type, whatever the server sends. */
export function valueSpecOf(type: string | undefined): ValueSpec {
  return type === undefined ? types.json.spec : (types[type as TypeName]?.spec ?? types.json.spec);
}

/** The type's name in OPC UA, such as `Double`; undefined where the server alone knows it. */
export function builtInOf(type: string | undefined): string | undefined {
  const name = type === undefined ? "" : (types[type as TypeName]?.builtIn ?? "");
  return name === "" ? undefined : name;
}

/** The mapping's name for an OPC UA built-in type, such as `float64` for `Double`. */
export function typeOfBuiltIn(builtIn: string): string | undefined {
  return typeNames.find((name) => types[name].builtIn === builtIn);
}

/** A decoded value as the mapping's type has it; undefined where it does not fit. */
export function fitTo(value: TagValue, spec: ValueSpec): TagValue | undefined {
  switch (spec.kind) {
    case "json":
      return value;
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "string":
      return typeof value === "string" ? value : undefined;
    case "float":
      return typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : undefined;
    case "integer": {
      if (typeof value === "number" && !Number.isInteger(value)) return undefined;
      if (typeof value !== "number" && typeof value !== "bigint") return undefined;
      const whole = BigInt(value);
      if (whole < spec.min || whole > spec.max) return undefined;
      return spec.wide === undefined ? Number(whole) : whole;
    }
  }
}
