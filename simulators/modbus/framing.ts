import type { Fault } from "./faults.ts";

/** How frames stand on the wire: with an MBAP header, or as on a serial line. */
export type FramingName = "tcp" | "rtu" | "ascii";

/** One request as it was cut out of the bytes. */
export interface CutRequest {
  /** 0 where the framing has none. */
  readonly transactionId: number;
  /** Unit id and PDU. */
  readonly adu: Buffer;
  /** As it came, end marks included. */
  readonly wire: Buffer;
}

/** `taken`: bytes that are done with, whether they held a request or not. `"garbage"`: nothing here can be trusted. */
export type Cut = { readonly taken: number; readonly request?: CutRequest } | "more" | "garbage";

export interface Framing {
  cut(bytes: Buffer): Cut;
  /** A whole frame around unit id and PDU, spoilt as the fault says. */
  frame(adu: Buffer, transactionId: number, fault: Fault | undefined): Buffer;
}

const headerBytes = 7;
const largestLength = 254;

/** Modbus Messaging on TCP/IP V1.0b §3.1.3. */
const tcp: Framing = {
  cut: (bytes) => {
    if (bytes.length < headerBytes) return "more";
    const length = bytes.readUInt16BE(4);
    if (bytes.readUInt16BE(2) !== 0 || length < 2 || length > largestLength) return "garbage";
    const taken = 6 + length;
    if (bytes.length < taken) return "more";
    const wire = bytes.subarray(0, taken);
    return { taken, request: { transactionId: bytes.readUInt16BE(0), adu: wire.subarray(6), wire } };
  },
  frame: (adu, transactionId, fault) => {
    const frame = Buffer.alloc(6 + adu.length);
    frame.writeUInt16BE(transactionId, 0);
    frame.writeUInt16BE(adu.length, 4);
    adu.copy(frame, 6);
    if (fault?.kind === "wrong-length") frame.writeUInt16BE((adu.length + (fault.by ?? 1)) & 0xffff, 4);
    if (fault?.kind === "wrong-transaction") frame.writeUInt16BE((transactionId + 0x1234) & 0xffff, 0);
    if (fault?.kind === "wrong-protocol") frame.writeUInt16BE(1, 2);
    return frame;
  },
};

/** Modbus over serial line V1.02 §6.2.2, by the table-free form of the algorithm. */
function crcOf(bytes: Buffer): number {
  return bytes.reduce((crc, byte) => {
    let next = crc ^ byte;
    for (let shift = 8; shift > 0; shift -= 1) next = (next >>> 1) ^ ((next & 1) * 0xa001);
    return next;
  }, 0xffff);
}

/** Bytes of a request without its CRC, Modbus V1.1b3 §6; undefined where more has to be seen. */
function requestLength(bytes: Buffer): number | undefined {
  switch (bytes.readUInt8(1)) {
    case 15:
    case 16:
      return bytes.length < 7 ? undefined : 7 + (bytes[6] ?? 0);
    case 22:
      return 8;
    case 23:
      return bytes.length < 11 ? undefined : 11 + (bytes[10] ?? 0);
    case 43:
      return 5;
    default:
      return 6;
  }
}

const rtu: Framing = {
  cut: (bytes) => {
    const length = bytes.length < 2 ? undefined : requestLength(bytes);
    if (length === undefined || bytes.length < length + 2) return "more";
    const adu = bytes.subarray(0, length);
    if (bytes.readUInt16LE(length) !== crcOf(adu)) return "garbage";
    const taken = length + 2;
    return { taken, request: { transactionId: 0, adu, wire: bytes.subarray(0, taken) } };
  },
  frame: (adu, _transactionId, fault) => {
    const crc = crcOf(adu) ^ (fault?.kind === "bad-crc" ? 0xffff : 0);
    return Buffer.concat([adu, Buffer.from([crc & 0xff, crc >> 8])]);
  },
};

/** Modbus over serial line V1.02 §2.5.2. */
const ascii: Framing = {
  cut: (bytes) => {
    const taken = bytes.indexOf("\r\n") + 2;
    if (taken < 2) return "more";
    const wire = bytes.subarray(bytes.lastIndexOf(":", taken), taken);
    const decoded = Buffer.from(wire.toString("latin1", 1, wire.length - 2), "hex");
    const isWhole = decoded.length > 2 && decoded.reduce((sum, byte) => (sum + byte) & 0xff, 0) === 0;
    return isWhole ? { taken, request: { transactionId: 0, adu: decoded.subarray(0, -1), wire } } : { taken };
  },
  frame: (adu, _transactionId, fault) => {
    const sum = adu.reduce((total, byte) => total + byte, fault?.kind === "bad-crc" ? 1 : 0);
    const bytes = Buffer.concat([adu, Buffer.from([(0x100 - (sum & 0xff)) & 0xff])]);
    return Buffer.from(`:${bytes.toString("hex").toUpperCase()}\r\n`);
  },
};

export const framings: Readonly<Record<FramingName, Framing>> = { tcp, rtu, ascii };
