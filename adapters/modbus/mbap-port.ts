import type { Duplex } from "node:stream";
import { MbapFramer } from "./mbap-framer.ts";
import { misfit } from "./response-check.ts";
import { brokenOff, WirePort, type PortHandlers } from "./wire-port.ts";

const crcBytes = 2;
const mbapBytes = 6;
/** An id so many requests back, or fewer, belongs to a late answer. */
const lateWindow = 64;

/**
 * Modbus TCP below modbus-serial, over a socket that is already connected; one request in flight. modbus-serial's own
 * TCP port is not used: it waits without end on a junk length field, does not look at the protocol id, has 256
 * transaction ids, and takes a late answer for the next request's. Here an answer counts only where its 16-bit id,
 * unit id, function code and byte count all fit the request in flight.
 */
export class MbapPort extends WirePort {
  readonly #socket: Duplex;
  readonly #handlers: PortHandlers;
  readonly #framer: MbapFramer;
  #wireId = 0;
  #requests = 0;
  /** Unit id and PDU of the request in flight. */
  #awaited: Buffer | undefined;

  constructor(socket: Duplex, handlers: PortHandlers) {
    super();
    this.#socket = socket;
    this.#handlers = handlers;
    this.#framer = new MbapFramer({
      onFrame: (frame) => this.#take(frame),
      onViolation: (what) => handlers.onViolation(what),
    });
  }

  override get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** True where an answer has begun and not ended. */
  override get isMidFrame(): boolean {
    return this.#framer.isMidFrame;
  }

  override open(callback: (error?: Error) => void): void {
    this.#socket.on("data", (chunk: Buffer) => this.#framer.push(chunk));
    callback();
  }

  override close(callback?: (error?: Error) => void): void {
    this.#socket.destroy();
    callback?.();
  }

  /** Takes an RTU frame: its CRC gives way to the MBAP header. */
  override write(frame: Buffer): void {
    const length = frame.length - crcBytes;
    const bytes = Buffer.allocUnsafe(mbapBytes + length);
    this.#wireId = (this.#wireId + 1) & 0xffff;
    this.#requests += 1;
    bytes.writeUInt16BE(this.#wireId, 0);
    bytes.writeUInt16BE(0, 2);
    bytes.writeUInt16BE(length, 4);
    frame.copy(bytes, mbapBytes, 0, length);
    this.#awaited = bytes.subarray(mbapBytes);
    this.#handlers.onFrame("sent", frame[0] ?? 0, bytes);
    this.#socket.write(bytes);
  }

  override get resynchronises(): boolean {
    return false;
  }

  override get sendingMs(): number {
    return 0;
  }

  override get longestAnswerMs(): number {
    return 0;
  }

  override abandon(): string | undefined {
    this.#awaited = undefined;
    return this.isMidFrame ? brokenOff : undefined;
  }

  #take(frame: Buffer): void {
    const id = frame.readUInt16BE(0);
    const adu = frame.subarray(mbapBytes);
    this.#handlers.onFrame("received", adu[0] ?? 0, frame);
    const awaited = this.#awaited;
    if (awaited === undefined || id !== this.#wireId) {
      const age = (this.#wireId - id) & 0xffff;
      this.#handlers.onStray(age < Math.min(lateWindow, this.#requests) ? "late" : "wrong-id", adu[0] ?? 0);
      return;
    }
    // A whole frame with the request's own id: the stream is in step, and what is wrong is this one answer.
    const what = misfit(awaited, adu);
    this.#awaited = undefined;
    if (what === undefined) this.answer(adu);
    else this.#handlers.onGarbled(what);
  }
}
