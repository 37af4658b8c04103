import { EventEmitter } from "node:events";
import type { FrameDirection } from "../../src/adapter-kit/index.ts";
import { withCrc } from "./rtu-framing.ts";

/** What the bus hears of a port beside answers. */
export interface PortHandlers {
  /** An answer that came too late, or twice (`late`), or to nothing ever asked (`wrong-id`); it was dropped. */
  onStray(kind: "late" | "wrong-id", unit: number): void;
  /** The device does not speak the protocol as specified; the connection must go. */
  onViolation(what: string): void;
  /** The answer to the request in flight can't be made out, or does not fit it; the line is good for another one. */
  onGarbled(what: string): void;
  /** The line gives back what is sent; called once. */
  onEcho(): void;
  /** One frame as it stood on the wire; valid only during the call. */
  onFrame(direction: FrameDirection, unit: number, frame: Buffer): void;
}

/** What is wrong with an answer whose end does not come. */
export const brokenOff = "an answer that breaks off in the middle";

/**
 * What modbus-serial asks of a port, and what the link asks beyond that. modbus-serial writes RTU frames, and takes
 * `data` events with RTU frames, whatever stands on the wire. It files every request under the same key, so that what
 * it remembers of requests never grows.
 */
export abstract class WirePort extends EventEmitter {
  /** The key of the request that the frame in the next `data` event answers. */
  _transactionIdRead = 1;
  /** The key under which modbus-serial files the request that it is about to write. */
  _transactionIdWrite = 1;

  abstract get isOpen(): boolean;
  /** True where an answer has begun and not ended. */
  abstract get isMidFrame(): boolean;
  abstract open(callback: (error?: Error) => void): void;
  abstract close(callback?: (error?: Error) => void): void;
  /** Takes an RTU frame. */
  abstract write(frame: Buffer): void;
  /** The request in flight was given up: its answer, should it come, is a late one. Says what is wrong where some came. */
  abstract abandon(): string | undefined;
  /** True where the line is in step again after an answer that can't be made out. */
  abstract get resynchronises(): boolean;
  /** How long the characters of the last request take, in ms. */
  abstract get sendingMs(): number;
  /** How long the characters of an answer may take, in ms. */
  abstract get longestAnswerMs(): number;

  /** Hands an answer, unit id and PDU, to modbus-serial. */
  protected answer(adu: Buffer): void {
    this._transactionIdRead = this._transactionIdWrite;
    this.emit("data", withCrc(adu));
  }
}
