import { GatewayError } from "../../src/adapter-kit/index.ts";
import { LinePort, loopback } from "./line-port.ts";
import { loadModbusRtu, type ModbusRtu } from "./modbus-serial.ts";
import type { OpenStream } from "./open-stream.ts";
import type { ModbusRequest, Outcome } from "./request.ts";
import type { PortHandlers, WirePort } from "./wire-port.ts";

/** What the bus hears of a link beside answers. */
export type LinkEvents = Pick<PortHandlers, "onStray" | "onEcho" | "onFrame">;

export interface LinkOptions {
  readonly line: OpenStream;
  /** Such as `10.0.0.7:502`, for messages. */
  readonly endpoint: string;
  /** Such as `tcp` or `rtu 19200 8E1`, for messages. */
  readonly protocol: string;
  readonly events: LinkEvents;
  /** The framing. */
  port(handlers: PortHandlers): WirePort;
}

interface Exchange {
  resolve(outcome: Outcome): void;
  reject(error: GatewayError): void;
  timer?: NodeJS.Timeout;
  /** How long an answer that has begun when the time is up may still take, in ms; then 0. */
  graceMs: number;
}

/** What modbus-serial's callbacks carry where the device answered with an exception. */
interface SerialError extends Error {
  readonly modbusCode?: number;
}

/** How much longer than its characters an answer that has begun may take, in ms. */
const tricklingMs = 200;
const nothing = Buffer.alloc(0);

/** One open connection; modbus-serial encodes and decodes on it. One exchange at a time: the bus sees to that. */
export class ModbusLink {
  readonly #options: LinkOptions;
  readonly #port: WirePort;
  readonly #client: ModbusRtu;
  #exchange: Exchange | undefined;
  #ended: GatewayError | undefined;
  #loopbacks = 0;
  readonly #listeners = new Set<(error: GatewayError) => void>();

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#port = options.port({
      ...options.events,
      onViolation: (what) => this.destroy(this.#violation(what)),
      onGarbled: (what) => this.#take()?.resolve({ kind: "garbled", what }),
    });
    const Client = loadModbusRtu();
    this.#client = new Client(this.#port);
  }

  /** Begins to listen to the stream. */
  start(): void {
    const { line } = this.#options;
    line.stream.on("error", (cause) => this.destroy(line.lost("was lost", cause)));
    line.stream.on("close", (cause: unknown) => {
      const details = cause instanceof Error ? cause : undefined;
      this.destroy(line.lost(this.#port.resynchronises ? "went away" : "was closed by the device", details));
    });
    this.#client.open();
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  /** Calls back once, with what ended the connection; returns the way to stop listening. */
  onEnd(listener: (error: GatewayError) => void): () => void {
    if (this.#ended === undefined) this.#listeners.add(listener);
    else listener(this.#ended);
    return () => this.#listeners.delete(listener);
  }

  /** Monotonic ms before which the next request must not go out. */
  get restsUntil(): number {
    return this.#port instanceof LinePort ? this.#port.restsUntil : 0;
  }

  /** True where an answer to the request might be a late one to an earlier request; `loopback` settles that. */
  isInDoubt({ unit, functionCode }: ModbusRequest): boolean {
    return this.#port instanceof LinePort && this.#port.isInDoubt(unit, functionCode);
  }

  /** Sends one request and waits for its answer. Rejects where the connection is lost or what comes is no Modbus. */
  exchange(request: ModbusRequest, timeoutMs: number): Promise<Outcome> {
    return this.#begin(timeoutMs, () => this.#send(request));
  }

  /** Has the unit give some bytes back (Modbus V1.1b3 §6.8.1): all it had to answer before is out by then. */
  loopback(unit: number, timeoutMs: number): Promise<Outcome> {
    this.#loopbacks = (this.#loopbacks + 1) & 0xffff;
    const adu = Buffer.from([unit, loopback, 0, 0, this.#loopbacks >> 8, this.#loopbacks & 0xff]);
    return this.#begin(timeoutMs, () => {
      if (!(this.#port instanceof LinePort)) return;
      this.#port.ask(adu, ([, functionCode, code]) => {
        const refused = functionCode !== loopback;
        this.#take()?.resolve(
          refused ? { kind: "exception", code: code ?? 0 } : { kind: "data", bytes: nothing },
        );
      });
    });
  }

  /** Ends the connection; a request in flight rejects with the error. Idempotent. */
  destroy(error: GatewayError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#port.abandon();
    void this.#options.line.close();
    this.#take()?.reject(error);
    for (const listener of this.#listeners) listener(error);
    this.#listeners.clear();
  }

  /** Ends the connection and waits until nothing of it is left. */
  async shut(error: GatewayError): Promise<void> {
    this.destroy(error);
    await this.#options.line.close();
  }

  #begin(timeoutMs: number, send: () => void): Promise<Outcome> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const exchange: Exchange = {
        resolve,
        reject,
        graceMs: this.#port.resynchronises
          ? Math.min(timeoutMs, tricklingMs) + this.#port.longestAnswerMs
          : 0,
      };
      this.#exchange = exchange;
      send();
      if (this.#exchange !== exchange) return;
      exchange.timer = setTimeout(() => this.#giveUp(exchange), timeoutMs + this.#port.sendingMs);
    });
  }

  #take(): Exchange | undefined {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange !== undefined) clearTimeout(exchange.timer);
    return exchange;
  }

  #giveUp(exchange: Exchange): void {
    if (this.#port.isMidFrame && exchange.graceMs > 0) {
      exchange.timer = setTimeout(() => this.#giveUp(exchange), exchange.graceMs);
      exchange.graceMs = 0;
      return;
    }
    const unclear = this.#port.abandon();
    if (unclear === undefined) this.#take()?.resolve({ kind: "timeout" });
    else if (this.#port.resynchronises) this.#take()?.resolve({ kind: "garbled", what: unclear });
    // Whatever follows would be read as the other half.
    else this.destroy(this.#violation(unclear));
  }

  #send(request: ModbusRequest): void {
    const done = (error: SerialError | null, result?: object) => this.#finish(error, result);
    const { unit, address } = request;
    switch (request.functionCode) {
      case 1:
        return this.#client.writeFC1(unit, address, request.quantity, done);
      case 2:
        return this.#client.writeFC2(unit, address, request.quantity, done);
      case 3:
        return this.#client.writeFC3(unit, address, request.quantity, done);
      case 4:
        return this.#client.writeFC4(unit, address, request.quantity, done);
      case 5:
        return this.#client.writeFC5(unit, address, request.state, done);
      case 6:
        return this.#client.writeFC6(unit, address, request.value, done);
      case 15:
        return this.#client.writeFC15(unit, address, [...request.states], done);
      case 16:
        return this.#client.writeFC16(unit, address, wordsOf(request.registers), done);
      case 22:
        return this.#client.writeFC22(unit, address, request.andMask, request.orMask, done);
    }
  }

  #finish(error: SerialError | null, result: object | undefined): void {
    if (error === null) this.#take()?.resolve({ kind: "data", bytes: dataOf(result) });
    else if (error.modbusCode !== undefined) {
      this.#take()?.resolve({ kind: "exception", code: error.modbusCode });
    } else this.destroy(this.#violation(error.message, error));
  }

  #violation(what: string, cause?: Error): GatewayError {
    const { endpoint, protocol } = this.#options;
    return new GatewayError(
      "PROTOCOL_VIOLATION",
      protocol === "tcp"
        ? `${endpoint} answers with what is no Modbus TCP: ${what}. The connection was closed. ` +
            "Check that the port is the device's Modbus TCP port and that nothing else answers there."
        : `${endpoint} (${protocol}) answers with what is no Modbus: ${what}.`,
      { cause, context: { endpoint, what } },
    );
  }
}

/** What a read brought, as it came: modbus-serial's arrays of single values are left aside. */
function dataOf(result: object | undefined): Buffer {
  return result !== undefined && "buffer" in result && Buffer.isBuffer(result.buffer)
    ? result.buffer
    : nothing;
}

/** Registers as modbus-serial's types want them. */
function wordsOf(registers: Buffer): number[] {
  return Array.from({ length: registers.length / 2 }, (_, index) => registers.readUInt16BE(index * 2));
}
