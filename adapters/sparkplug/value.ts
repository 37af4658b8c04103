import type { JsonValue, TagValue } from "../../src/adapter-kit/index.ts";
import { decodeArray } from "./array.ts";
import { integerForm, isArray, isInteger, typeOfNumber, type TypeName } from "./datatype.ts";
import type { WireDataSet, WireMetric, WireTemplate, WireValue } from "./payload.ts";

/**
 * A metric's value as its datatype means it: 64-bit integers exact as bigint, DateTime in ms since the Unix epoch, Bytes
 * and File in base64, arrays, data sets and templates as JSON values. Undefined where what was sent is no such value.
 */
export function decodeValue(type: TypeName, wire: WireValue): TagValue | undefined {
  const { kind, value } = wire;
  if (isInteger(type)) return integerOf(type, wire);
  if (isArray(type)) return Buffer.isBuffer(value) ? decodeArray(type, value) : undefined;
  switch (type) {
    case "float32":
    case "float64":
      return (kind === "float" || kind === "double") && typeof value === "number" ? value : undefined;
    case "bool":
      return typeof value === "boolean" ? value : undefined;
    case "datetime":
      return kind === "long" && typeof value === "number" ? value : undefined;
    case "string":
    case "text":
    case "uuid":
      return typeof value === "string" ? value : undefined;
    case "bytes":
    case "file":
      return Buffer.isBuffer(value) ? value.toString("base64") : undefined;
    case "dataset":
      return kind === "dataset" ? dataSetJson(value as WireDataSet) : undefined;
    case "template":
      return kind === "template" ? templateJson(value as WireTemplate) : undefined;
  }
}

/**
 * Negative numbers come in two's complement (§6.4.16), in the 32 or 64 bits of the field or, from some nodes, in just the
 * bits of the type; what does not fit the type is none.
 */
function integerOf(
  type: Parameters<typeof integerForm>[0],
  { kind, value }: WireValue,
): TagValue | undefined {
  if (kind !== "int" && kind !== "long") return undefined;
  if (typeof value !== "number" && typeof value !== "bigint") return undefined;
  const { bits, signed, min, max } = integerForm(type);
  if (bits === 64) return signed ? BigInt.asIntN(kind === "int" ? 32 : 64, BigInt(value)) : BigInt(value);
  const small = typeof value === "number" && value <= 0x7f_ff_ff_ff;
  const whole = small
    ? value
    : signed
      ? Number(BigInt.asIntN(kind === "int" ? 32 : 64, BigInt(value)))
      : Number(value);
  if (whole >= min && whole <= max) return whole;
  return signed && whole > max && whole < 2 ** bits ? whole - 2 ** bits : undefined;
}

/** A value within a data set or a template, as JSON; null where there is none. */
function jsonOf(datatype: number, wire: WireValue | undefined): JsonValue {
  const type = typeOfNumber(datatype);
  const value = type === undefined || wire === undefined ? undefined : decodeValue(type, wire);
  if (value === undefined) return null;
  return typeof value === "bigint" ? String(value) : value;
}

function dataSetJson({ columns, types, rows }: WireDataSet): JsonObject {
  return {
    columns: [...columns],
    rows: rows.map((row) => types.map((type, column) => jsonOf(type, row[column]))),
  };
}

interface JsonObject {
  readonly [key: string]: JsonValue;
}

function templateJson({ reference, version, isDefinition, metrics, parameters }: WireTemplate): JsonObject {
  return {
    ...(reference === undefined ? {} : { reference }),
    ...(version === undefined ? {} : { version }),
    ...(isDefinition ? { isDefinition } : {}),
    ...(parameters.length === 0
      ? {}
      : {
          parameters: Object.fromEntries(
            parameters.map(({ name, type, value }) => [name, jsonOf(type, value)]),
          ),
        }),
    metrics: Object.fromEntries(metrics.map(memberOf)),
  };
}

function memberOf({ name, datatype, isNull, value }: WireMetric): [string, JsonValue] {
  return [name ?? "", isNull ? null : jsonOf(datatype, value)];
}
