import type { Frame } from "../../src/trace/frame.ts";

/** One recorded request with what came back. */
export interface RecordedExchange {
  /** ms since the recording's start. */
  readonly t: number;
  readonly unit: number;
  readonly request: Buffer;
  /** PDU; undefined where nothing came that answers the request. */
  readonly response: Buffer | undefined;
  readonly delayMs: number;
}

interface Adu {
  readonly unit: number;
  readonly pdu: Buffer;
  /** Modbus TCP's; undefined on a serial line. */
  readonly transaction: number | undefined;
}

/** The exchanges of a recording, oldest first; of Modbus TCP or RTU, as the bytes tell. */
export function exchangesOf(frames: readonly Frame[]): readonly RecordedExchange[] {
  const exchanges: RecordedExchange[] = [];
  let asked: { readonly t: number; readonly adu: Adu } | undefined;
  let received: Buffer[] = [];
  let answeredAt = 0;
  const settle = () => {
    if (asked === undefined) return;
    const { t, adu } = asked;
    const response = responseIn(Buffer.concat(received), adu);
    exchanges.push({ t, unit: adu.unit, request: adu.pdu, response, delayMs: Math.max(0, answeredAt - t) });
  };
  for (const { t, direction, bytes } of frames) {
    if (direction === "received") {
      // What comes before the first request answers one that was not recorded.
      received.push(bytes);
      answeredAt = t;
      continue;
    }
    settle();
    received = [];
    const adu = aduOf(bytes);
    asked = adu === undefined ? undefined : { t, adu };
  }
  settle();
  return exchanges;
}

/**
 * MBAP (Modbus Messaging on TCP/IP V1.0b §3.1.3): id, protocol 0, length of the rest. ASCII (Modbus over serial line
 * V1.02 §2.5.2): a colon, digits, LRC, line end. Else RTU: unit, PDU, CRC.
 */
function aduOf(bytes: Buffer): Adu | undefined {
  const mbap = bytes.length >= 8 && bytes.readUInt16BE(2) === 0 && bytes.readUInt16BE(4) === bytes.length - 6;
  if (mbap) return { unit: bytes.readUInt8(6), pdu: bytes.subarray(7), transaction: bytes.readUInt16BE(0) };
  const digits = /^:((?:[0-9A-F]{2}){3,})\r\n$/i.exec(bytes.toString("latin1"))?.[1];
  if (digits !== undefined) {
    const ascii = Buffer.from(digits, "hex");
    return { unit: ascii.readUInt8(0), pdu: ascii.subarray(1, -1), transaction: undefined };
  }
  if (bytes.length < 4) return undefined;
  return { unit: bytes.readUInt8(0), pdu: bytes.subarray(1, -2), transaction: undefined };
}

/** Whatever pieces it came in, and whatever came before it: the answer to this request. */
function responseIn(bytes: Buffer, { unit, pdu, transaction }: Adu): Buffer | undefined {
  const fits = (answer: Adu | undefined) =>
    answer?.unit === unit && ((answer.pdu[0] ?? 0) & 0x7f) === pdu[0] ? answer.pdu : undefined;
  if (transaction === undefined) return fits(aduOf(bytes));
  for (let at = 0; at + 8 <= bytes.length;) {
    const end = at + 6 + bytes.readUInt16BE(at + 4);
    if (bytes.readUInt16BE(at) === transaction && end <= bytes.length)
      return fits(aduOf(bytes.subarray(at, end)));
    at = end;
  }
  return undefined;
}
