import type { TagValue } from "../domain/reading.ts";
import type { TagMapping } from "../adapter-kit/mapping.ts";

/** What of a mapping scaling depends on. */
type Scaled = Pick<TagMapping, "scale" | "offset" | "value">;

/** Beyond this many decimals rounding a product gains nothing a double could show. */
const mostDecimals = 12;

function decimalsOf(value: number): number {
  const [mantissa = "", exponent = "0"] = value.toString().split("e");
  const fraction = mantissa.split(".")[1]?.length ?? 0;
  return Math.max(0, fraction - Number(exponent));
}

/** The shortest decimal that is the same IEEE 754 single: 182.4 for the single next to 182.4, not 182.39999389648438. */
function shortestSingle(value: number): number {
  if (value > -1000 && value < 1000) {
    // The usual case without a detour over text: at most seven digits, and the same single.
    const plain = Math.round(value * 1e4) / 1e4;
    if (Math.fround(plain) === value) return plain;
  }
  const seven = Number(value.toPrecision(7));
  if (Math.fround(seven) === value) return seven;
  const eight = Number(value.toPrecision(8));
  return Math.fround(eight) === value ? eight : Number(value.toPrecision(9));
}

/**
 * Raw → published: raw × scale + offset, chosen once per tag. An integer keeps just the decimals that scale and offset
 * have, so that 3 × 0.1 is 0.3; a single-precision float shows its own digits only. Booleans and strings pass.
 */
export function compileScaling(tag: Scaled): (raw: TagValue) => TagValue {
  const { scale, offset, value } = tag;
  const single = value.kind === "float" && value.single === true;
  if (scale === 1 && offset === 0) {
    if (!single) return (raw) => raw;
    return (raw) => (typeof raw === "number" && Number.isFinite(raw) ? shortestSingle(raw) : raw);
  }
  const wholeShift = wholeOffset(tag);
  const decimals = Math.max(decimalsOf(scale), decimalsOf(offset));
  const power = value.kind === "integer" && decimals <= mostDecimals ? 10 ** decimals : undefined;
  return (raw) => {
    if (typeof raw !== "number" && typeof raw !== "bigint") return raw;
    if (typeof raw === "bigint" && wholeShift !== undefined) return raw + wholeShift;
    const exact = single && Number.isFinite(Number(raw)) ? shortestSingle(Number(raw)) : Number(raw);
    const scaled = exact * scale + offset;
    if (power !== undefined) return Math.round(scaled * power) / power;
    return single && Number.isFinite(scaled) ? Number(scaled.toPrecision(9)) : scaled;
  };
}

/** The offset where it is all that scaling does and is whole: 64-bit integers stay exact under it. */
function wholeOffset({ scale, offset }: Scaled): bigint | undefined {
  return scale === 1 && Number.isSafeInteger(offset) ? BigInt(offset) : undefined;
}

/**
 * Published → raw, the inverse for writes: (value − offset) / scale, rounded to the nearest integer where the tag holds
 * integers. Booleans and strings pass. 64-bit integers stay exact where nothing scales them.
 */
export function toRaw(value: TagValue, tag: Scaled): TagValue {
  if (typeof value !== "number" && typeof value !== "bigint") return value;
  const whole = wholeOffset(tag);
  if (typeof value === "bigint" && whole !== undefined) return value - whole;
  const raw = (Number(value) - tag.offset) / tag.scale;
  return tag.value.kind === "integer" ? Math.round(raw) : raw;
}
