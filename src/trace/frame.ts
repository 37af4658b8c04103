import type { FrameDirection } from "../adapter-kit/adapter.ts";

/** One raw frame with its time. */
export interface Frame {
  /** Milliseconds since the recording's start, with fractions. */
  readonly t: number;
  /** Seen from the gateway. */
  readonly direction: FrameDirection;
  /** Which of several ways: `unit 3`, a topic, a URL. */
  readonly channel: string;
  readonly bytes: Buffer;
  /** How long the frame was, where more than what is kept. */
  readonly length?: number;
}

/** The first line of a recording. */
export interface RecordingHeader {
  readonly linegate: "frames";
  readonly version: 1;
  readonly device: string;
  readonly adapter: string;
  /** When `t` is 0: milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** The device's mapping while it was recorded, defaults filled in; 64-bit limits as decimal strings. */
  readonly mapping: unknown;
  /** Why these frames were set aside, where it was for a fault. */
  readonly incident?: { readonly number: number; readonly reason: string; readonly at: number };
}

/** The last line of a recording whose device never gave anything: it shows what was tried, and no device. */
export const neverOnlineLine = '{"online":false}';

/** A header as its line, without the line's end. */
export function headerLine(header: RecordingHeader): string {
  return JSON.stringify(header, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

/** A frame as its line: `{"t":12.345,"direction":"sent","channel":"unit 3","bytes":"AAEAAA…"}`. */
export function frameLine(
  t: number,
  direction: FrameDirection,
  channel: string,
  bytes: Uint8Array,
  length = bytes.length,
): string {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  const cut = length > bytes.length ? `,"length":${length}` : "";
  const time = Math.round(t * 1_000) / 1_000;
  return `{"t":${time},"direction":"${direction}","channel":${JSON.stringify(channel)},"bytes":"${base64}"${cut}}`;
}
