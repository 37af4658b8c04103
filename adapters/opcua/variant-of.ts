import { DataType, Variant, VariantArrayType } from "node-opcua-variant";
import { GatewayError, plainText, type TagValue } from "../../src/adapter-kit/index.ts";

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

const numbers: ToRaw = (value) => Number(integerOf(value));
const halves: ToRaw = (value) => halvesOf(integerOf(value));

/** How a value becomes what the library encodes, by built-in type; integers of up to 32 bits and enumerations are numbers. */
const toRaw: Readonly<Partial<Record<DataType, ToRaw>>> = {
  [DataType.Boolean]: (value) => {
    if (typeof value !== "boolean") throw misfit(value, "true or false");
    return value;
  },
  [DataType.Int64]: halves,
  [DataType.UInt64]: halves,
  [DataType.Float]: numberOf,
  [DataType.Double]: numberOf,
  [DataType.String]: plainText,
  [DataType.Guid]: plainText,
  [DataType.DateTime]: dateOf,
  [DataType.ByteString]: (value) => Buffer.from(plainText(value), "base64"),
  [DataType.LocalizedText]: (value) => ({ text: plainText(value) }),
};

function rawOf(value: TagValue, dataType: DataType): unknown {
  return (toRaw[dataType] ?? numbers)(value);
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

function dateOf(value: TagValue): Date {
  const date = new Date(plainText(value));
  if (!Number.isNaN(date.getTime())) return date;
  throw misfit(value, "a time in ISO 8601");
}

function halvesOf(value: bigint): [number, number] {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
}

function misfit(value: TagValue, expected: string): GatewayError {
  return new GatewayError("WRITE_REFUSED", `Expected ${expected}, found ${plainText(value)}.`);
}
