import type { Decoded, LineFraming } from "./line-framing.ts";

const crcBytes = 2;
const headBytes = 3;

/** Two bytes of the frame, the low one first: Modbus over serial line V1.02 §6.2.2. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}

/** Unit id, PDU and CRC. */
export function withCrc(adu: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(adu.length + crcBytes);
  frame.set(adu);
  frame.writeUInt16LE(crc16(adu), adu.length);
  return frame;
}

/**
 * How long an answer will be, CRC included, judged by its first three bytes: RTU frames do not say where they end.
 * Undefined for what begins no answer that is ever asked for. Modbus V1.1b3 §6, §7.
 */
export function answerLength(head: Uint8Array): number | undefined {
  const functionCode = head[1] ?? 0;
  if ((functionCode & 0x80) !== 0) return headBytes + crcBytes;
  switch (functionCode) {
    case 1:
    case 2:
    case 3:
    case 4:
      return headBytes + (head[2] ?? 0) + crcBytes;
    case 5:
    case 6:
    case 8:
    case 15:
    case 16:
      return 6 + crcBytes;
    case 22:
      return 8 + crcBytes;
    default:
      return undefined;
  }
}

/** RTU: the end follows from the length, and the CRC tells whether that was right. */
export const rtuFraming: LineFraming = {
  encode: withCrc,
  decode: (bytes): Decoded => {
    if (bytes.length < headBytes) return { kind: "more" };
    const length = answerLength(bytes);
    const head = bytes.subarray(0, 2);
    if (length === undefined) {
      return { kind: "broken", what: `function code ${bytes[1]}, which nobody asked for`, length: 1, head };
    }
    if (bytes.length < length) return { kind: "more" };
    const adu = bytes.subarray(0, length - crcBytes);
    if (bytes.readUInt16LE(adu.length) !== crc16(adu)) {
      return { kind: "broken", what: "a wrong CRC", length: 1, head };
    }
    return { kind: "frame", adu, length };
  },
};
