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
    throw new GatewayError("WRITE_REFUSED", `${what} is a ${builtIn}: ${plainText(value)} does not fit.`, { cause });
  }
}

function rawOf(value: TagValue, dataType: DataType): unknown {
  switch (dataType) {
    case DataType.Int64:
    case DataType.UInt64:
      return halvesOf(integerOf(value));
    case DataType.DateTime:
      return dateOf(value);
    case DataType.ByteString:
      return Buffer.from(plainText(value), "base64");
    case DataType.LocalizedText:
      return { text: plainText(value) };
    case DataType.Boolean:
      if (typeof value !== "boolean") throw misfit(value, "true or false");
      return value;
    case DataType.String:
    case DataType.Guid:
      return plainText(value);
    case DataType.Float:
    case DataType.Double:
      return numberOf(value);
    default:
      return Number(integerOf(value));
  }
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
