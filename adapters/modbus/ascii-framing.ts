import type { Decoded, LineFraming } from "./line-framing.ts";

const start = 0x3a;
const lineFeed = 0x0a;
/** `:`, the LRC and CR LF around a unit id and a PDU of 253 bytes: Modbus over serial line V1.02 §2.5.2.1. */
const longestFrame = 513;

/** One byte; the sum of all bytes and the LRC is 0: Modbus over serial line V1.02 §6.2.1. */
export function lrc(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return -sum & 0xff;
}

/** ASCII: `:`, each byte as two hexadecimal digits, the LRC, CR LF. What stands before the `:` is passed over. */
export const asciiFraming: LineFraming = {
  encode: (adu) => {
    const bytes = Buffer.concat([adu, Buffer.from([lrc(adu)])]);
    return Buffer.from(`:${bytes.toString("hex").toUpperCase()}\r\n`, "latin1");
  },
  decode: (bytes): Decoded => {
    const end = bytes.indexOf(lineFeed);
    if (end < 0) {
      if (bytes.length <= longestFrame) return { kind: "more" };
      return { kind: "broken", what: "a line without an end", length: bytes.length };
    }
    const length = end + 1;
    // A frame that broke off is followed by the start of the next one.
    const at = bytes.lastIndexOf(start, end);
    const digits = bytes.toString("latin1", at + 1, end).replace(/\r$/, "");
    if (at < 0 || !/^(?:[0-9A-Fa-f]{2}){3,}$/.test(digits)) {
      return { kind: "broken", what: "a line that is not a colon and pairs of hexadecimal digits", length };
    }
    const decoded = Buffer.from(digits, "hex");
    const adu = decoded.subarray(0, -1);
    if (decoded.at(-1) === lrc(adu)) return { kind: "frame", adu, length };
    return { kind: "broken", what: "a wrong LRC", length, head: decoded.subarray(0, 2) };
  },
};
