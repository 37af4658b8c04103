import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./faults.ts";
import type { CutRequest, Framing } from "./framing.ts";

/** An answer, and how it is to go out. */
export interface Answer {
  /** Undefined: none. */
  readonly frame: Buffer | undefined;
  readonly fault: Fault | undefined;
  readonly delayMs: number;
}

export interface ConnectionHandlers {
  /** Called in the order of the requests, each once the last is answered. */
  onRequest(connection: number, request: CutRequest): Answer;
  onClose(): void;
}

export interface ConnectionOptions {
  readonly id: number;
  readonly stream: Duplex;
  readonly framing: Framing;
  /** What one character takes on the line, in ms: requests and answers are as slow as that. 0: as fast as can be. */
  readonly characterMs: number;
  /** True where junk ends the connection, as on TCP; else the line is good again after a silence. */
  readonly closesOnJunk: boolean;
  readonly handlers: ConnectionHandlers;
}

/** On a line, what has not become a request after so long never will, in ms. */
const silenceMs = 30;
const nothing: Buffer = Buffer.alloc(0);

/** One client's connection: cuts requests out of the stream and answers them one after the other. */
export class SimulatorConnection {
  readonly #options: ConnectionOptions;
  readonly #closed = new AbortController();
  #received = nothing;
  #lastByteAt = 0;
  #late: Buffer[] = [];
  #busy = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    const { stream, handlers } = this.#options;
    stream.on("data", (chunk: Buffer) => this.#take(chunk));
    // A reset by the client is no news here; `close` follows.
    stream.on("error", () => undefined);
    stream.on("close", () => {
      this.#closed.abort();
      handlers.onClose();
    });
  }

  destroy(): void {
    this.#closed.abort();
    this.#options.stream.destroy();
  }

  #take(chunk: Buffer): void {
    const now = performance.now();
    const isStale = !this.#options.closesOnJunk && !this.#busy && now - this.#lastByteAt > silenceMs;
    this.#received = isStale ? Buffer.from(chunk) : Buffer.concat([this.#received, chunk]);
    this.#lastByteAt = now;
    this.#work();
  }

  /** Requests already here are answered in this turn of the event loop, so that a fault-free answer costs no timer. */
  #work(): void {
    while (!this.#busy && this.#received.length > 0) {
      const cut = this.#options.framing.cut(this.#received);
      if (cut === "more") return;
      if (cut === "garbage") {
        this.#received = nothing;
        if (this.#options.closesOnJunk) this.destroy();
        return;
      }
      this.#received = this.#received.subarray(cut.taken);
      if (cut.request === undefined) continue;
      for (const frame of this.#late.splice(0)) this.#send(frame);
      this.#answer(cut.request, this.#options.handlers.onRequest(this.#options.id, cut.request));
    }
  }

  #answer(request: CutRequest, { frame, fault, delayMs }: Answer): void {
    if (fault?.kind === "echo") this.#send(request.wire);
    if (fault?.kind === "close") this.destroy();
    else if (fault?.kind === "late" && frame !== undefined) this.#late.push(frame);
    else if (
      delayMs > 0 ||
      this.#options.characterMs > 0 ||
      fault?.kind === "split" ||
      fault?.kind === "slow"
    ) {
      this.#busy = true;
      void this.#answerSlowly(request, frame ?? nothing, fault, delayMs);
    } else if (frame !== undefined) {
      this.#send(frame);
      if (fault?.kind === "duplicate") this.#send(frame);
    }
  }

  async #answerSlowly(
    request: CutRequest,
    frame: Buffer,
    fault: Fault | undefined,
    delayMs: number,
  ): Promise<void> {
    const { signal } = this.#closed;
    const { characterMs } = this.#options;
    try {
      const before = delayMs + request.wire.length * characterMs;
      if (before > 0) await sleep(before, undefined, { signal });
      if (fault?.kind === "split") await this.#sendPieces(frame, fault.size ?? 1, fault.gapMs ?? 1);
      else if (fault?.kind === "slow") await this.#sendPaced(frame, fault.characterMs ?? 1);
      else await this.#sendPaced(frame, characterMs);
      if (fault?.kind === "duplicate") await this.#sendPaced(frame, characterMs);
    } catch {
      // Only the connection's end rejects a sleep: nobody is left to be answered.
      return;
    }
    this.#busy = false;
    this.#work();
  }

  async #sendPieces(frame: Buffer, size: number, gapMs: number): Promise<void> {
    const { signal } = this.#closed;
    for (let at = 0; at < frame.length; at += size) {
      if (at > 0) await sleep(gapMs, undefined, { signal });
      this.#send(frame.subarray(at, at + size));
    }
  }

  /** Each character goes out when it would have arrived in full. */
  async #sendPaced(frame: Buffer, characterMs: number): Promise<void> {
    const { signal } = this.#closed;
    const begun = performance.now();
    for (let at = 0; at < frame.length;) {
      const passed = characterMs === 0 ? frame.length : Math.floor((performance.now() - begun) / characterMs);
      if (passed > at) this.#send(frame.subarray(at, passed));
      at = Math.max(at, Math.min(passed, frame.length));
      if (at < frame.length) await sleep(1, undefined, { signal });
    }
  }

  #send(bytes: Buffer): void {
    const { stream } = this.#options;
    if (!stream.destroyed && bytes.length > 0) stream.write(bytes);
  }
}
