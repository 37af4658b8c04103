import { DataType, Variant, VariantArrayType } from "node-opcua-variant";
import { variantOf } from "../../adapters/opcua/variant-of.ts";
import type { TagValue } from "../../src/domain/reading.ts";

const notFinite: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** The variant of which a trace kept the value; undefined where it can't be made again. */
export function recordedVariant(value: TagValue, type: string): Variant | undefined {
  try {
    return madeAgain(value, type);
  } catch {
    return undefined;
  }
}

function madeAgain(value: TagValue, type: string): Variant {
  const [, builtIn = "", dimensions] = /^(\w+)(?:\[([\d,]*)\])?$/.exec(type) ?? [];
  const float = builtIn === "Float" || builtIn === "Double";
  const back = (one: TagValue) => (float && typeof one === "string" ? (notFinite[one] ?? one) : one);
  if (!Array.isArray(value)) return variantOf(back(value), builtIn, type);
  const flat = (dimensions === "" ? value : value.flat(Number.POSITIVE_INFINITY)) as TagValue[];
  const variant = variantOf(flat.map(back) as TagValue, builtIn, type);
  if (dimensions === "" || dimensions === undefined) return variant;
  return new Variant({
    dataType: DataType[builtIn as keyof typeof DataType],
    arrayType: VariantArrayType.Matrix,
    dimensions: dimensions.split(",").map(Number),
    value: variant.value,
  });
}
