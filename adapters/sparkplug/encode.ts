import type { TagValue } from "../../src/adapter-kit/index.ts";
import { encodeArray } from "./array.ts";
import { datatypes, integerForm, isArray, isInteger, type TypeName } from "./datatype.ts";
import { WireWriter, type Uint64 } from "./wire.ts";

/** One metric to be sent. */
export interface MetricToSend {
  /** Absent where the alias says it. */
  readonly name?: string | undefined;
  readonly alias?: Uint64 | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
  readonly type: TypeName;
  /** Null is sent as `is_null`. */
  readonly value: TagValue | null;
  readonly historical?: boolean;
  /** The property `Quality`: 0 bad, 192 good, 500 stale. */
  readonly quality?: number;
}

export interface PayloadToSend {
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
  /** Commands and deaths have none. */
  readonly seq?: number;
  readonly metrics: readonly MetricToSend[];
}

/** True where the type holds the value, so that `encodePayload` sends it as it is. */
export function holds(type: TypeName, value: TagValue): boolean {
  return writeValue(new WireWriter(), type, value);
}

/** A Sparkplug B payload. A value that its type does not hold is sent as null: ask `holds` before. */
export function encodePayload({ timestamp, seq, metrics }: PayloadToSend): Buffer {
  const writer = new WireWriter().uint(1, timestamp);
  for (const metric of metrics) writer.bytes(2, encodeMetric(metric));
  if (seq !== undefined) writer.uint(3, seq);
  return writer.finish();
}

function encodeMetric({ name, alias, timestamp, type, value, historical, quality }: MetricToSend): Buffer {
  const writer = new WireWriter();
  if (name !== undefined) writer.text(1, name);
  if (alias !== undefined) writer.uint(2, alias);
  writer.uint(3, timestamp).uint(4, datatypes[type]);
  if (historical === true) writer.bool(5, true);
  if (quality !== undefined) writer.bytes(9, qualityProperty(quality));
  if (value === null || !writeValue(writer, type, value)) writer.bool(7, true);
  return writer.finish();
}

/** A property set that holds `Quality`, an Int32 (§6.4.9). */
function qualityProperty(quality: number): Buffer {
  const property = new WireWriter().uint(1, datatypes.int32).uint(3, quality).finish();
  return new WireWriter().text(1, "Quality").bytes(2, property).finish();
}

/** Writes the value into the member of the oneof that its type has; false, and nothing written, where it is none. */
function writeValue(writer: WireWriter, type: TypeName, value: TagValue): boolean {
  if (isInteger(type)) return writeInteger(writer, type, value);
  const bytes = bytesOf(type, value);
  if (bytes !== undefined) writer.bytes(16, bytes);
  else if (type === "float32" && typeof value === "number" && Number.isFinite(Math.fround(value)))
    writer.float(12, value);
  else if (type === "float64" && typeof value === "number" && Number.isFinite(value))
    writer.double(13, value);
  else if (type === "bool" && typeof value === "boolean") writer.bool(14, value);
  else if (isTextType(type) && typeof value === "string") writer.text(15, value);
  else if (type === "datetime" && typeof value === "number" && Number.isSafeInteger(value) && value >= 0)
    writer.uint(11, value);
  else return false;
  return true;
}

function isTextType(type: TypeName): boolean {
  return type === "string" || type === "text" || type === "uuid";
}

function writeInteger(writer: WireWriter, type: Parameters<typeof integerForm>[0], value: TagValue): boolean {
  const whole = typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof whole !== "bigint") return false;
  const { bits, min, max } = integerForm(type);
  if (whole < min || whole > max) return false;
  if (bits === 64) writer.uint(11, BigInt.asUintN(64, whole));
  else writer.uint(10, BigInt.asUintN(32, whole));
  return true;
}

function bytesOf(type: TypeName, value: TagValue): Buffer | undefined {
  if (isArray(type)) return Array.isArray(value) ? encodeArray(type, value) : undefined;
  if ((type !== "bytes" && type !== "file") || typeof value !== "string") return undefined;
  const bytes = Buffer.from(value, "base64");
  return bytes.toString("base64") === value ? bytes : undefined;
}
