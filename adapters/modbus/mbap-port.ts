import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { FrameDirection } from "../../src/adapter-kit/index.ts";
import { MbapFramer } from "./mbap-framer.ts";
import { misfit } from "./response-check.ts";

/** What modbus-serial asks of a port: it writes RTU frames, and takes `data` events with RTU frames. */
interface ModbusSerialPort extends EventEmitter {
  readonly isOpen: boolean;
  /** The key under which modbus-serial files the request that it is about to write. */
  _transactionIdWrite: number;
  /** The key of the request that the frame in the next `data` event answers. */
  _transactionIdRead: number;
  open(callback: (error?: Error) => void): void;
  close(callback?: (error?: Error) => void): void;
  write(frame: Buffer): void;
}

export interface PortHandlers {
  /** An answer that came too late, or twice (`late`), or to nothing ever asked (`wrong-id`); it was dropped. */
  onStray(kind: "late" | "wrong-id", unit: number): void;
  /** The device does not speak Modbus TCP as specified; the connection must go. */
  onViolation(what: string): void;
  /** Everything as it goes over the wire; received bytes in whatever pieces they come. */
  onBytes?(direction: FrameDirection, bytes: Buffer): void;
}

const crcBytes = 2;
const mbapBytes = 6;
/** An id so many requests back, or fewer, belongs to a late answer. */
const lateWindow = 64;

/**
 * Modbus TCP below modbus-serial, over a socket that is already connected; one request in flight. modbus-serial's own
 * TCP port is not used: it waits without end on a junk length field, does not look at the protocol id, has 256
 * transaction ids, and takes a late answer for the next request's. Here an answer counts only where its 16-bit id,
 * unit id, function code and byte count all fit the request in flight. modbus-serial files every request under the
 * same key, so that what it remembers of requests never grows.
 */
export class MbapPort extends EventEmitter implements ModbusSerialPort {
  _transactionIdRead = 1;
  _transactionIdWrite = 1;
  readonly #socket: Socket;
  readonly #handlers: PortHandlers;
  readonly #framer: MbapFramer;
  #wireId = 0;
  #requests = 0;
  /** Unit id and PDU of the request in flight. */
  #awaited: Buffer | undefined;

  constructor(socket: Socket, handlers: PortHandlers) {
    super();
    this.#socket = socket;
    this.#handlers = handlers;
    this.#framer = new MbapFramer({
      onFrame: (id, adu) => this.#take(id, adu),
      onViolation: (what) => handlers.onViolation(what),
    });
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** True where an answer has begun and not ended. */
  get isMidFrame(): boolean {
    return this.#framer.isMidFrame;
  }

  open(callback: (error?: Error) => void): void {
    this.#socket.on("data", (chunk: Buffer) => {
      this.#handlers.onBytes?.("received", chunk);
      this.#framer.push(chunk);
    });
    callback();
  }

  close(callback?: (error?: Error) => void): void {
    this.#socket.destroy();
    callback?.();
  }

  /** Takes an RTU frame: its CRC gives way to the MBAP header. */
  write(frame: Buffer): void {
    const length = frame.length - crcBytes;
    const bytes = Buffer.allocUnsafe(mbapBytes + length);
    this.#wireId = (this.#wireId + 1) & 0xffff;
    this.#requests += 1;
    bytes.writeUInt16BE(this.#wireId, 0);
    bytes.writeUInt16BE(0, 2);
    bytes.writeUInt16BE(length, 4);
    frame.copy(bytes, mbapBytes, 0, length);
    this.#awaited = bytes.subarray(mbapBytes);
    this.#handlers.onBytes?.("sent", bytes);
    this.#socket.write(bytes);
  }

  /** The request in flight was given up: its answer, should it come, is a late one. */
  abandon(): void {
    this.#awaited = undefined;
  }

  #take(id: number, adu: Buffer): void {
    const awaited = this.#awaited;
    if (awaited === undefined || id !== this.#wireId) {
      const age = (this.#wireId - id) & 0xffff;
      this.#handlers.onStray(age < Math.min(lateWindow, this.#requests) ? "late" : "wrong-id", adu[0] ?? 0);
      return;
    }
    const what = misfit(awaited, adu);
    if (what !== undefined) {
      this.#handlers.onViolation(what);
      return;
    }
    this.#awaited = undefined;
    const frame = Buffer.allocUnsafe(adu.length + crcBytes);
    adu.copy(frame);
    frame.writeUInt16LE(crc16(adu), adu.length);
    this._transactionIdRead = this._transactionIdWrite;
    this.emit("data", frame);
  }
}

/** The CRC that modbus-serial expects at the end of every frame. Modbus over serial line V1.02 §6.2.2. */
function crc16(bytes: Buffer): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return crc;
}
