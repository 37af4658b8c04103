import type { Clock } from "../../src/adapter-kit/index.ts";
import type { Decoded, LineFraming } from "./line-framing.ts";
import { drainedAfterMs, type LineTiming } from "./line-timing.ts";
import type { OpenStream } from "./open-stream.ts";
import { misfit } from "./response-check.ts";
import { brokenOff, WirePort, type PortHandlers } from "./wire-port.ts";

export interface LinePortOptions {
  readonly line: OpenStream;
  readonly framing: LineFraming;
  readonly timing: LineTiming;
  readonly clock: Clock;
  readonly handlers: PortHandlers;
}

/** The request in flight. */
interface Awaited {
  /** Unit id and PDU. */
  readonly adu: Buffer;
  /** As it went out. */
  readonly sent: Buffer;
  echoed: boolean;
  /** Bytes came that belong to no frame. */
  noise: boolean;
  take(answer: Buffer): void;
}

const crcBytes = 2;
/** FC 8, sub-function 0: the unit gives the request back. */
export const loopback = 8;
/** A line that is never silent is used all the same after this. */
const longestDrainMs = 500;
/** More than this without a frame in it is noise. */
const mostUnread = 1_024;
/** Characters of the longest frame there is, that of ASCII. */
const longestFrame = 513;
/** What drivers that switch on put before an answer. */
const mostNoise = 2;
const nothing: Buffer = Buffer.alloc(0);

/**
 * Modbus on a line that carries bare frames (RTU, ASCII, RTU through a TCP port), below modbus-serial; one request in
 * flight. modbus-serial's own serial ports are not used: they look for an answer anywhere in what has come in since
 * the last request, know no silence, and take a late answer for the next request's.
 *
 * Frames carry no number that would tie an answer to its request. So a unit that left a request unanswered is in doubt
 * for that function code until it answers something else: units answer in order, and what is late is out by then.
 */
export class LinePort extends WirePort {
  readonly #options: LinePortOptions;
  #received = nothing;
  #awaited: Awaited | undefined;
  /** Function codes of unanswered requests by unit. */
  readonly #doubts = new Map<number, Set<number>>();
  #sendingMs = 0;
  #echoes = false;
  #echoTold = false;
  #busyAt = Number.NEGATIVE_INFINITY;
  /** When the line went out of step; undefined while it is in step. */
  #strayingSince: number | undefined;

  constructor(options: LinePortOptions) {
    super();
    this.#options = options;
  }

  override get isOpen(): boolean {
    return !this.#options.line.stream.destroyed;
  }

  override get isMidFrame(): boolean {
    return this.#awaited !== undefined && this.#received.length > 0;
  }

  override get resynchronises(): boolean {
    return true;
  }

  override get sendingMs(): number {
    return this.#sendingMs;
  }

  override get longestAnswerMs(): number {
    return this.#options.timing.characterMs * longestFrame;
  }

  /** Monotonic ms before which the next request must not go out. */
  get restsUntil(): number {
    const { timing } = this.#options;
    if (this.#strayingSince === undefined) return this.#busyAt + timing.silenceMs;
    const drained = this.#busyAt + Math.max(timing.silenceMs, drainedAfterMs);
    return Math.min(drained, this.#strayingSince + longestDrainMs);
  }

  /** True where an answer to a request with this function code might belong to an earlier one. */
  isInDoubt(unit: number, functionCode: number): boolean {
    return this.#doubts.get(unit)?.has(functionCode) ?? false;
  }

  override open(callback: (error?: Error) => void): void {
    this.#options.line.stream.on("data", (chunk: Buffer) => this.#push(chunk));
    callback();
  }

  override close(callback?: (error?: Error) => void): void {
    void this.#options.line.close();
    callback?.();
  }

  override write(frame: Buffer): void {
    this.ask(Buffer.from(frame.subarray(0, -crcBytes)), (adu) => this.answer(adu));
  }

  /** Sends a request, unit id and PDU; `take` gets the answer that fits it, in the same form. */
  ask(adu: Buffer, take: (answer: Buffer) => void): void {
    const { framing, line, handlers, clock, timing } = this.#options;
    const sent = framing.encode(adu);
    this.#sendingMs = sent.length * timing.characterMs;
    this.#received = nothing;
    this.#strayingSince = undefined;
    this.#busyAt = clock.monotonic() + this.#sendingMs;
    this.#awaited = { adu, sent, echoed: false, noise: false, take };
    handlers.onFrame("sent", adu[0] ?? 0, sent);
    line.transmit(sent);
  }

  override abandon(): string | undefined {
    const awaited = this.#awaited;
    if (awaited === undefined) return undefined;
    const [unit = 0, functionCode = 0] = awaited.adu;
    // A unit that does not even answer a loopback has been silent twice as long as its timeout.
    if (functionCode === loopback) this.#doubts.delete(unit);
    else this.#doubt(unit, functionCode);
    const unclear = this.isMidFrame ? brokenOff : awaited.noise ? "noise in place of an answer" : undefined;
    this.#stray();
    return unclear;
  }

  /** No request is in flight, and what comes in belongs to none. */
  #stray(): void {
    if (this.#received.length > 0 && this.#awaited !== undefined) this.#showNoise(this.#awaited);
    this.#awaited = undefined;
    this.#received = nothing;
    this.#strayingSince ??= this.#options.clock.monotonic();
  }

  #push(chunk: Buffer): void {
    this.#busyAt = this.#options.clock.monotonic();
    this.#received =
      this.#received.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#received, chunk]);
    while (this.#received.length > 0) if (!this.#step()) break;
    if (this.#received.length > mostUnread) this.#garbled("noise without end");
  }

  /** Takes something off the bytes received; false where more has to come first. */
  #step(): boolean {
    const decoded = this.#options.framing.decode(this.#received);
    const awaited = this.#awaited;
    if (awaited !== undefined && !awaited.echoed && decoded.kind !== "frame") {
      const begun = Math.min(this.#received.length, awaited.sent.length);
      if (this.#received.subarray(0, begun).equals(awaited.sent.subarray(0, begun))) {
        return begun === awaited.sent.length && this.#takeEcho(awaited);
      }
    }
    if (decoded.kind === "more") return awaited !== undefined && this.#skipNoise(awaited);
    if (decoded.kind === "broken") return this.#takeBroken(decoded, awaited);
    const frame = this.#received.subarray(0, decoded.length);
    if (awaited !== undefined && this.#isEcho(awaited, frame)) return this.#takeEcho(awaited);
    this.#received = this.#received.subarray(decoded.length);
    this.#options.handlers.onFrame("received", decoded.adu[0] ?? 0, frame);
    this.#takeFrame(decoded.adu, awaited);
    return true;
  }

  /** A byte or two of noise make a length of what follows them, and nothing would ever be enough: the answer is whole behind them. */
  #skipNoise(awaited: Awaited): boolean {
    const isAnswer = (bytes: Buffer) =>
      bytes[0] === awaited.adu[0] && ((bytes[1] ?? 0) & 0x7f) === awaited.adu[1];
    if (isAnswer(this.#received)) return false;
    for (let skipped = 1; skipped <= mostNoise; skipped += 1) {
      const rest = this.#received.subarray(skipped);
      if (!isAnswer(rest) || this.#options.framing.decode(rest).kind !== "frame") continue;
      awaited.noise = true;
      this.#received = rest;
      return true;
    }
    return false;
  }

  /** Some answers are the request once more; where the line is known to echo, the first of two is the echo. */
  #isEcho(awaited: Awaited, frame: Buffer): boolean {
    if (awaited.echoed || !frame.equals(awaited.sent)) return false;
    return this.#echoes || misfit(awaited.adu, awaited.adu) !== undefined;
  }

  #takeEcho(awaited: Awaited): boolean {
    awaited.echoed = true;
    this.#echoes = true;
    this.#received = this.#received.subarray(awaited.sent.length);
    if (!this.#echoTold) this.#options.handlers.onEcho();
    this.#echoTold = true;
    return true;
  }

  #takeBroken({ what, length, head }: Decoded & { kind: "broken" }, awaited: Awaited | undefined): boolean {
    if (awaited === undefined) {
      this.#stray();
      return false;
    }
    if (head?.[0] === awaited.adu[0] && ((head?.[1] ?? 0) & 0x7f) === awaited.adu[1]) {
      this.#garbled(what);
      return false;
    }
    // Drivers that switch on put a byte or two before the answer: those are passed over.
    awaited.noise = true;
    this.#received = this.#received.subarray(length);
    return true;
  }

  #takeFrame(adu: Buffer, awaited: Awaited | undefined): void {
    const { handlers } = this.#options;
    const unit = adu[0] ?? 0;
    const functionCode = (adu[1] ?? 0) & 0x7f;
    if (awaited === undefined) {
      this.#strayingSince ??= this.#options.clock.monotonic();
      handlers.onStray("late", unit);
      return;
    }
    const isLate = this.isInDoubt(unit, functionCode);
    if (unit !== awaited.adu[0] || (isLate && functionCode !== awaited.adu[1])) {
      handlers.onStray(isLate ? "late" : "wrong-id", unit);
      return;
    }
    const what = misfit(awaited.adu, adu);
    if (what !== undefined) {
      // Whole, and the answer to something else: the one to this request may still come.
      this.#doubt(unit, awaited.adu[1] ?? 0);
      this.#garbled(what);
      return;
    }
    this.#awaited = undefined;
    this.#doubts.delete(unit);
    if (!awaited.echoed && !adu.equals(awaited.adu)) this.#echoes = false;
    awaited.take(Buffer.from(adu));
  }

  #doubt(unit: number, functionCode: number): void {
    this.#doubts.set(unit, (this.#doubts.get(unit) ?? new Set()).add(functionCode));
  }

  #garbled(what: string): void {
    const awaited = this.#awaited;
    this.#stray();
    if (awaited !== undefined) this.#options.handlers.onGarbled(what);
  }

  #showNoise({ adu }: Awaited): void {
    this.#options.handlers.onFrame("received", adu[0] ?? 0, this.#received);
  }
}
