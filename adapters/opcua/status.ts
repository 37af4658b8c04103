import { coerceStatusCode, StatusCodes, type StatusCode } from "node-opcua-status-code";
import type { Quality } from "../../src/adapter-kit/index.ts";

/** A StatusCode as the library decodes it. */
export interface Status {
  readonly value: number;
  readonly name: string;
}

/**
 * The two highest bits are the severity (OPC UA Part 4 §7.39): 00 good, 01 uncertain, 10 and 11 bad. The info bits
 * below, the overflow bit among them, change nothing: a Good that overflowed is good.
 */
export function qualityOf({ value }: Pick<Status, "value">): Quality {
  const severity = value >>> 30;
  return severity === 0 ? "good" : severity === 1 ? "uncertain" : "bad";
}

/** The symbolic name, such as `BadNodeIdUnknown`; without the info bits that the library appends to it. */
export function statusName({ value, name }: Status): string {
  const plain = /^[A-Za-z]+/.exec(name)?.[0];
  const unknown = plain === undefined || plain === "Unknown" || (plain === "Bad" && value >>> 16 !== 0x8000);
  return unknown ? `0x${(value >>> 0).toString(16).padStart(8, "0")}` : plain;
}

/** The status code of a name as `statusName` gives it. */
export function statusCodeOf(name: string): StatusCode {
  const known = (StatusCodes as unknown as Readonly<Record<string, StatusCode | undefined>>)[name];
  return known ?? coerceStatusCode(name.startsWith("0x") ? Number(name) : StatusCodes.Bad.value);
}
