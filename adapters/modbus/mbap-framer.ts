/** Bytes before what the length field counts: transaction id, protocol id, length (Messaging on TCP/IP V1.0b §3.1.3). */
const prefixBytes = 6;
/** The length counts the unit id and a PDU of 1 to 253 bytes (V1.1b3 §4.1). */
const shortestLength = 2;
const longestLength = 254;

export interface FrameHandlers {
  /** One whole frame, header and all; it is valid only during the call. */
  onFrame(frame: Buffer): void;
  /** The stream is not Modbus TCP, or out of step: nothing after this can be trusted. */
  onViolation(what: string): void;
}

/**
 * Cuts a TCP stream into Modbus TCP frames. Never waits for more than the 260 bytes that a frame can have, so a junk
 * length field can't stall it, and copies only frames that came in pieces.
 */
export class MbapFramer {
  readonly #handlers: FrameHandlers;
  readonly #partial = Buffer.alloc(prefixBytes + longestLength);
  #filled = 0;
  #broken = false;

  constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  /** True where a frame has begun and not ended. */
  get isMidFrame(): boolean {
    return this.#filled > 0;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#broken)
      at = this.#filled === 0 ? this.#whole(chunk, at) : this.#piece(chunk, at);
  }

  /** A frame from `at` on, straight from the chunk where all of it is there. */
  #whole(chunk: Buffer, at: number): number {
    if (chunk.length - at < prefixBytes) return this.#piece(chunk, at);
    const length = this.#lengthOf(chunk, at);
    if (length === undefined) return chunk.length;
    const end = at + prefixBytes + length;
    if (end > chunk.length) return this.#piece(chunk, at);
    this.#handlers.onFrame(chunk.subarray(at, end));
    return end;
  }

  /** Adds to the frame begun: first its prefix, then as much as the length field says. */
  #piece(chunk: Buffer, at: number): number {
    let length = 0;
    if (this.#filled >= prefixBytes) length = this.#partial.readUInt16BE(4);
    const wanted = prefixBytes + length - this.#filled;
    const taken = Math.min(wanted, chunk.length - at);
    chunk.copy(this.#partial, this.#filled, at, at + taken);
    this.#filled += taken;
    if (taken < wanted) return at + taken;
    if (length === 0) {
      this.#lengthOf(this.#partial, 0);
      return at + taken;
    }
    const end = this.#filled;
    this.#filled = 0;
    this.#handlers.onFrame(this.#partial.subarray(0, end));
    return at + taken;
  }

  #lengthOf(bytes: Buffer, at: number): number | undefined {
    const protocol = bytes.readUInt16BE(at + 2);
    const length = bytes.readUInt16BE(at + 4);
    if (protocol !== 0) this.#break(`protocol id ${protocol} where Modbus has 0`);
    else if (length < shortestLength || length > longestLength) {
      this.#break(`a length field of ${length} where Modbus allows ${shortestLength} to ${longestLength}`);
    } else return length;
    return undefined;
  }

  #break(what: string): void {
    this.#broken = true;
    this.#handlers.onViolation(what);
  }
}
