import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./faults.ts";

/** An answer, and how it is to go out. */
export interface Answer {
  readonly frame: Buffer;
  readonly fault: Fault | undefined;
  readonly delayMs: number;
}

export interface ConnectionHandlers {
  /** Undefined: no answer. Called in the order of the requests, each once the last is answered. */
  onRequest(connection: number, header: Buffer, pdu: Buffer): Answer | undefined;
  onClose(): void;
}

const headerBytes = 7;
const largestLength = 254;

/** One client's connection: cuts requests out of the stream and answers them one after the other. */
export class SimulatorConnection {
  readonly #id: number;
  readonly #socket: Socket;
  readonly #handlers: ConnectionHandlers;
  readonly #closed = new AbortController();
  #received: Buffer = Buffer.alloc(0);
  #late: Buffer[] = [];
  #busy = false;

  constructor(id: number, socket: Socket, handlers: ConnectionHandlers) {
    this.#id = id;
    this.#socket = socket;
    this.#handlers = handlers;
  }

  start(): void {
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#work();
    });
    // A reset by the client is no news here; `close` follows.
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.#closed.abort();
      this.#handlers.onClose();
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Requests already here are answered in this turn of the event loop, so that a fault-free answer costs no timer. */
  #work(): void {
    while (!this.#busy && this.#received.length >= headerBytes) {
      const length = this.#received.readUInt16BE(4);
      if (this.#received.readUInt16BE(2) !== 0 || length < 2 || length > largestLength) {
        this.destroy();
        return;
      }
      if (this.#received.length < 6 + length) return;
      const header = this.#received.subarray(0, headerBytes);
      const pdu = this.#received.subarray(headerBytes, 6 + length);
      this.#received = this.#received.subarray(6 + length);
      for (const frame of this.#late.splice(0)) this.#send(frame);
      const answer = this.#handlers.onRequest(this.#id, header, pdu);
      if (answer !== undefined) this.#answer(answer);
    }
  }

  #answer({ frame, fault, delayMs }: Answer): void {
    if (fault?.kind === "close") this.destroy();
    else if (fault?.kind === "late") this.#late.push(frame);
    else if (delayMs > 0 || fault?.kind === "split") {
      this.#busy = true;
      void this.#answerSlowly(frame, fault, delayMs);
    } else {
      this.#send(frame);
      if (fault?.kind === "duplicate") this.#send(frame);
    }
  }

  async #answerSlowly(frame: Buffer, fault: Fault | undefined, delayMs: number): Promise<void> {
    const { signal } = this.#closed;
    try {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal });
      const size = fault?.kind === "split" ? (fault.size ?? 1) : frame.length;
      const gapMs = fault?.kind === "split" ? (fault.gapMs ?? 1) : 0;
      for (let at = 0; at < frame.length; at += size) {
        if (at > 0) await sleep(gapMs, undefined, { signal });
        this.#send(frame.subarray(at, at + size));
      }
    } catch {
      // Only the connection's end rejects a sleep: nobody is left to be answered.
      return;
    }
    this.#busy = false;
    this.#work();
  }

  #send(bytes: Buffer): void {
    if (!this.#socket.destroyed && bytes.length > 0) this.#socket.write(bytes);
  }
}
