import type { TagPath } from "./tag-path.ts";

export type Quality = "good" | "uncertain" | "bad";

/** The 64-bit integer types, whose values may need more than a JSON number holds. */
export type IntegerType = "int64" | "uint64";

/** Any JSON. */
export type JsonValue = null | boolean | number | string | StructuredValue;

/** An array or a structure. 64-bit integers in it stand as decimal strings, byte strings in base64. */
export type StructuredValue = readonly JsonValue[] | { readonly [key: string]: JsonValue };

export type TagValue = number | bigint | boolean | string | StructuredValue;

/** What an adapter saw on the wire, decoded but not yet scaled or named. */
export interface Sample {
  /** The tag's name in its mapping, such as `ram/pressure`. */
  readonly tag: string;
  /** The raw value, before scale and offset; null where there is none to be had. */
  readonly value: TagValue | null;
  readonly quality: Quality;
  /** Why the quality is not good, such as `IllegalDataAddress`. */
  readonly status?: string;
  /** Milliseconds since the Unix epoch, where the protocol carries the source's own time. */
  readonly sourceTimestamp?: number;
  /** True where nothing came from the device itself: no answer, or an old retained message. It is not online for that. */
  readonly noSignOfLife?: true;
  /** For a tag that a wildcard made: the mapping's tag it follows, such as `shelf/{1}/stock`. */
  readonly template?: string;
}

/** Why the gateway itself calls a tag bad: by its own clock and of the moment, whatever clock the source's readings are stamped by. */
export const lossStatuses = ["DeviceOffline", "DeviceStopped", "Stale"] as const;
export type LossStatus = (typeof lossStatuses)[number];

/** One value of one tag, scaled, named and stamped: what subscribers get. */
export interface Reading {
  readonly path: TagPath;
  /** Null where the quality is bad. */
  readonly value: TagValue | null;
  readonly quality: Quality;
  readonly status?: string | undefined;
  /** Milliseconds since the Unix epoch: the source's where it sends one, else the gateway's at the read. */
  readonly timestamp: number;
  readonly unit?: string | undefined;
  /** For 64-bit tags: names the type where the value is too wide for a JSON number. */
  readonly integerType?: IntegerType | undefined;
  /** Grows by one for each reading of a tag since the gateway's start. */
  readonly sequence: number;
  /** The gateway's monotonic clock in ms when the sample came in; stays inside, for latency figures. */
  readonly readAt: number;
}

/** A reading with its wire form, made once and used for both MQTT and NATS. */
export interface PublishedReading {
  readonly reading: Reading;
  readonly json: string;
  /** The same in UTF-8. A slice of a shared pool: to be sent, not to be kept; `json` is for keeping. */
  readonly payload: Buffer;
  /** Perhaps told before: out of LATEST, or the first after a gap. Of what happened since then it says nothing. */
  readonly recalled?: boolean;
}

const largestSafe = BigInt(Number.MAX_SAFE_INTEGER);

function isWide(value: bigint): boolean {
  return value > largestSafe || value < -largestSafe;
}

/** The type that an integer of no type known fits into. */
function typeOf(value: bigint): IntegerType {
  return BigInt.asIntN(64, value) === value ? "int64" : "uint64";
}

/** A value in words: a text as it is, an array or a structure as JSON. */
export function plainText(value: TagValue | null | undefined): string {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** A value as JSON: an integer too wide for a JSON number is a decimal string (design §3). */
export function encodeTagValue(value: TagValue | null): string {
  if (typeof value === "number") return Number.isFinite(value) ? `${value}` : "null";
  if (typeof value === "bigint") return isWide(value) ? `"${value}"` : `${value}`;
  return JSON.stringify(value);
}

/** The wire form of a reading: one JSON object, keys in the order of design §3. */
export function encodeReading(reading: Reading): string {
  const { value, unit, status } = reading;
  let json = `{"value":${encodeTagValue(value)},"quality":"${reading.quality}","timestamp":${reading.timestamp}`;
  if (unit !== undefined) json += `,"unit":${JSON.stringify(unit)}`;
  json += `,"sequence":${reading.sequence}`;
  if (status !== undefined && reading.quality !== "good") json += `,"status":${JSON.stringify(status)}`;
  if (typeof value === "bigint" && isWide(value)) json += `,"type":"${reading.integerType ?? typeOf(value)}"`;
  return `${json}}`;
}

/** A reading out of its wire form; undefined for what is none. @param readAt its arrival by the monotonic clock, in ms */
export function decodeReading(path: TagPath, json: string, readAt: number): Reading | undefined {
  let said: Partial<Record<string, unknown>>;
  try {
    const parsed: unknown = JSON.parse(json);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    said = parsed;
  } catch {
    return undefined;
  }
  const { quality, timestamp, value, unit, status, sequence, type } = said;
  if (!isQuality(quality) || typeof timestamp !== "number" || value === undefined) return undefined;
  const isWideInteger = (type === "int64" || type === "uint64") && typeof value === "string";
  return {
    path,
    value: isWideInteger ? wideInteger(value) : (value as TagValue | null),
    quality,
    status: typeof status === "string" ? status : undefined,
    timestamp,
    unit: typeof unit === "string" ? unit : undefined,
    integerType: isWideInteger ? type : undefined,
    sequence: typeof sequence === "number" ? sequence : 0,
    readAt,
  };
}

function wideInteger(digits: string): bigint | string {
  return /^-?\d{1,20}$/.test(digits) ? BigInt(digits) : digits;
}

function isQuality(text: unknown): text is Quality {
  return text === "good" || text === "uncertain" || text === "bad";
}
