import { NodeId } from "node-opcua-nodeid";
import { StatusCode } from "node-opcua-status-code";
import { DataType, VariantArrayType, type Variant } from "node-opcua-variant";
import type { JsonValue, StructuredValue, TagValue } from "../../src/adapter-kit/index.ts";
import { lastTime } from "./time-range.ts";

/** 64-bit integers come as [high, low]. */
type Halves = readonly [high: number, low: number];

function bigintOf([high, low]: Halves, signed: boolean): bigint {
  const whole = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return signed ? BigInt.asIntN(64, whole) : whole;
}

/** A variant as a tag's value: a scalar as it is, arrays and structures as JSON; null where it is empty. */
export function valueOf(variant: Variant): TagValue | null {
  const { dataType, arrayType, dimensions } = variant;
  const value: unknown = variant.value;
  if (value === null || value === undefined || dataType === DataType.Null) return null;
  if (arrayType === VariantArrayType.Scalar) return scalarOf(value, dataType);
  const flat = Array.from(value as ArrayLike<unknown>, (one) => jsonOf(scalarOf(one, dataType)));
  return arrayType === VariantArrayType.Matrix && dimensions ? nested(flat, dimensions) : flat;
}

/** Row by row, as OPC UA Part 6 §5.2.2.16 orders the elements of a matrix. */
function nested(flat: readonly JsonValue[], dimensions: readonly number[]): StructuredValue {
  const [, ...inner] = dimensions;
  if (inner.length === 0) return flat;
  const size = inner.reduce((product, length) => product * length, 1);
  return Array.from({ length: dimensions[0] ?? 0 }, (_row, index) =>
    nested(flat.slice(index * size, (index + 1) * size), inner),
  );
}

function scalarOf(value: unknown, dataType: DataType): TagValue | null {
  if (value === null || value === undefined) return null;
  if (dataType === DataType.Int64) return bigintOf(value as Halves, true);
  if (dataType === DataType.UInt64) return bigintOf(value as Halves, false);
  if (dataType === DataType.Variant) return valueOf(value as Variant);
  return otherOf(value);
}

/** What is no 64-bit integer, by what the library made of it. */
function otherOf(value: unknown): TagValue | null {
  if (typeof value === "object" && value !== null) return objectOf(value);
  const plain =
    typeof value === "number" ||
    typeof value === "boolean" ||
    typeof value === "string" ||
    typeof value === "bigint";
  return plain ? value : null;
}

function objectOf(value: object): TagValue | null {
  if (value instanceof Date) return timeOf(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if ("text" in value && "locale" in value) return typeof value.text === "string" ? value.text : null;
  if ("namespaceIndex" in value && "name" in value)
    return `${String(value.namespaceIndex)}:${String(value.name)}`;
  // NodeIds and StatusCodes say themselves in text.
  if (value instanceof NodeId || value instanceof StatusCode) return value.toString();
  if ("dataType" in value && "arrayType" in value) return valueOf(value as Variant);
  return structureOf(value);
}

/** DateTime.MaxValue, which the library takes for a time of the year 30828, is the end of 9999 (OPC UA Part 6 §5.2.2.5). */
function timeOf(date: Date): string | null {
  const time = date.getTime();
  if (Number.isNaN(time)) return null;
  return new Date(Math.min(time, lastTime)).toISOString();
}

/** Bookkeeping of the library's own stands under keys with a `$` or a `_`. */
function structureOf(value: object): StructuredValue {
  if (Array.isArray(value)) return value.map((one) => jsonOf(otherOf(one)));
  const fields = fieldsOf(value);
  return Object.fromEntries(fields.map(([key, one, type]) => [key, jsonOf(fieldOf(one, type))]));
}

interface FieldSchema {
  readonly name: string;
  readonly originalName?: string;
  readonly fieldType: string;
}

/** A structure's fields under the names that its type gives them, in its order. */
function fieldsOf(value: object): [string, unknown, string?][] {
  const own = value as Readonly<Record<string, unknown>>;
  const { schema } = value as {
    schema?: { fields?: readonly FieldSchema[]; _possibleFields?: readonly string[] };
  };
  const declared = schema?.fields;
  if (declared === undefined || declared.length === 0) {
    return Object.entries(own).filter(([key]) => !/^[$_]|^schema$/.test(key));
  }
  return declared
    .filter(({ name }) => own[name] !== undefined)
    .map(({ name, originalName, fieldType }) => [originalName ?? name, own[name], fieldType]);
}

function fieldOf(value: unknown, type: string | undefined): TagValue | null {
  const signed = type === "Int64";
  if (!signed && type !== "UInt64") return otherOf(value);
  if (isHalves(value)) return bigintOf(value, signed);
  if (!Array.isArray(value)) return otherOf(value);
  return value.map((one: unknown) => (isHalves(one) ? `${bigintOf(one, signed)}` : null));
}

function isHalves(value: unknown): value is Halves {
  return Array.isArray(value) && value.length === 2 && value.every((half) => typeof half === "number");
}

function jsonOf(value: TagValue | null): JsonValue {
  return typeof value === "bigint" ? `${value}` : value;
}
