import { coerceExpandedNodeId, coerceNodeId } from "node-opcua-nodeid";
import { coerceStatusCode } from "node-opcua-status-code";
import { DataType, Variant, VariantArrayType } from "node-opcua-variant";
import { GatewayError, plainText, type TagValue } from "../../src/adapter-kit/index.ts";
import { statusCodeOf } from "./status.ts";
import { beyondTime, earliestTime } from "./time-range.ts";

/** A value as a variant of a built-in type, such as `Int64`. Rejects with WRITE_REFUSED what the type can't hold. */
export function variantOf(value: TagValue, builtIn: string, what: string): Variant {
  const dataType = DataType[builtIn as keyof typeof DataType];
  try {
    if (Array.isArray(value)) {
      const values = value.map((one) => rawOf(one as TagValue, dataType));
      return new Variant({ dataType, arrayType: VariantArrayType.Array, value: values });
    }
    return new Variant({ dataType, arrayType: VariantArrayType.Scalar, value: rawOf(value, dataType) });
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError("WRITE_REFUSED", `${what} is a ${builtIn}: ${plainText(value)} does not fit.`, {
      cause,
    });
  }
}

type ToRaw = (value: TagValue) => unknown;

/** The largest finite Float, IEEE 754 binary32. */
const mostFloat = 2 ** 127 * (2 - 2 ** -23);
const guidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const numbers: ToRaw = (value) => Number(integerOf(value));
const halves: ToRaw = (value) => halvesOf(integerOf(value));

/** How a value becomes what the library encodes, by built-in type; texts in the form that reading gives them. */
const toRaw: Readonly<Partial<Record<DataType, ToRaw>>> = {
  [DataType.Boolean]: (value) => {
    if (typeof value !== "boolean") throw misfit(value, "true or false");
    return value;
  },
  [DataType.SByte]: numbers,
  [DataType.Byte]: numbers,
  [DataType.Int16]: numbers,
  [DataType.UInt16]: numbers,
  [DataType.Int32]: numbers,
  [DataType.UInt32]: numbers,
  [DataType.Int64]: halves,
  [DataType.UInt64]: halves,
  [DataType.Float]: floatOf,
  [DataType.Double]: numberOf,
  [DataType.String]: plainText,
  [DataType.XmlElement]: plainText,
  [DataType.Guid]: (value) => formed(value, guidForm, "a GUID"),
  [DataType.DateTime]: dateOf,
  [DataType.ByteString]: bytesOf,
  [DataType.LocalizedText]: (value) => ({ text: plainText(value) }),
  [DataType.QualifiedName]: (value) => {
    const [, index = "0", name] = /^(?:(\d+):)?(.*)$/s.exec(plainText(value)) ?? [];
    return { namespaceIndex: Number(index), name };
  },
  [DataType.NodeId]: (value) => coerceNodeId(formed(value, nodeIdForm, "a node id such as ns=2;s=Press")),
  [DataType.ExpandedNodeId]: (value) => coerceExpandedNodeId(plainText(value)),
  [DataType.StatusCode]: (value) => {
    const [, name = "", number] = /^(\w+)(?: \((0x[0-9a-f]+)\))?$/i.exec(plainText(value)) ?? [];
    return coerceStatusCode(number === undefined ? statusCodeOf(name).value : Number(number));
  },
};

const nodeIdForm = /^(ns=\d+;)?[isgb]=./s;

function rawOf(value: TagValue, dataType: DataType): unknown {
  const convert = toRaw[dataType];
  if (convert !== undefined) return convert(value);
  throw new GatewayError("WRITE_REFUSED", `Values of the type ${DataType[dataType]} can't be written.`);
}

function formed(value: TagValue, form: RegExp, expected: string): string {
  const text = plainText(value);
  if (form.test(text)) return text;
  throw misfit(value, expected);
}

function integerOf(value: TagValue): bigint {
  if (typeof value === "bigint") return value;
  const whole = typeof value === "string" && /^[+-]?\d+$/.test(value) ? BigInt(value) : value;
  if (typeof whole === "bigint") return whole;
  if (typeof whole === "number" && Number.isInteger(whole)) return BigInt(whole);
  throw misfit(value, "a whole number");
}

function numberOf(value: TagValue): number {
  if (typeof value === "number" || typeof value === "bigint") return Number(value);
  throw misfit(value, "a number");
}

/** Not rounded to infinity: a device would take that for a value. */
function floatOf(value: TagValue): number {
  const number = numberOf(value);
  if (!Number.isFinite(number) || Number.isFinite(Math.fround(number))) return number;
  throw misfit(value, `a number within ±${mostFloat.toPrecision(9)}`);
}

/** Nothing is guessed at: what is read back is the same text. */
function bytesOf(value: TagValue): Buffer {
  const text = plainText(value);
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  throw misfit(value, "base64");
}

function dateOf(value: TagValue): Date {
  const date = new Date(plainText(value));
  const time = date.getTime();
  if (time >= earliestTime && time < beyondTime) return date;
  throw misfit(value, "a time in ISO 8601, from 1601 to 9999");
}

function halvesOf(value: bigint): [number, number] {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
}

function misfit(value: TagValue, expected: string): GatewayError {
  return new GatewayError("WRITE_REFUSED", `Expected ${expected}, found ${plainText(value)}.`);
}
