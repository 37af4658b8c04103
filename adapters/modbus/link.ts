import { once } from "node:events";
import type { Socket } from "node:net";
import { GatewayError, type FrameDirection } from "../../src/adapter-kit/index.ts";
import { MbapPort } from "./mbap-port.ts";
import { loadModbusRtu, type ModbusRtu } from "./modbus-serial.ts";
import type { ModbusRequest, Outcome } from "./request.ts";

export interface LinkOptions {
  /** Connected. */
  readonly socket: Socket;
  /** Such as `10.0.0.7:502`, for messages. */
  readonly endpoint: string;
  onStray(kind: "late" | "wrong-id", unit: number): void;
  onBytes?(direction: FrameDirection, bytes: Buffer): void;
}

interface Exchange {
  resolve(outcome: Outcome): void;
  reject(error: GatewayError): void;
  readonly timer: NodeJS.Timeout;
}

/** What modbus-serial's callbacks carry where the device answered with an exception. */
interface SerialError extends Error {
  readonly modbusCode?: number;
}

const nothing = Buffer.alloc(0);

/** One open connection; modbus-serial encodes and decodes on it. One exchange at a time: the bus sees to that. */
export class ModbusLink {
  readonly #socket: Socket;
  readonly #endpoint: string;
  readonly #port: MbapPort;
  readonly #client: ModbusRtu;
  #exchange: Exchange | undefined;
  #ended: GatewayError | undefined;
  readonly #listeners = new Set<(error: GatewayError) => void>();

  constructor(options: LinkOptions) {
    const { socket, endpoint } = options;
    this.#socket = socket;
    this.#endpoint = endpoint;
    this.#port = new MbapPort(socket, {
      onStray: (kind, unit) => options.onStray(kind, unit),
      onViolation: (what) => this.destroy(this.#violation(what)),
      onBytes: (direction, bytes) => options.onBytes?.(direction, bytes),
    });
    const Client = loadModbusRtu();
    this.#client = new Client(this.#port);
  }

  /** Begins to listen to the socket. */
  start(): void {
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, 10_000);
    this.#socket.on("error", (cause) => this.destroy(this.#lost("was lost", cause)));
    this.#socket.on("close", () => this.destroy(this.#lost("was closed by the device")));
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

  /** Sends one request and waits for its answer. Rejects where the connection is lost or the answer does not fit. */
  exchange(request: ModbusRequest, timeoutMs: number): Promise<Outcome> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(), timeoutMs);
      this.#exchange = { resolve, reject, timer };
      this.#send(request);
    });
  }

  /** Ends the connection; a request in flight rejects with the error. Idempotent. */
  destroy(error: GatewayError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#port.abandon();
    this.#socket.destroy();
    this.#take()?.reject(error);
    for (const listener of this.#listeners) listener(error);
    this.#listeners.clear();
  }

  /** Ends the connection and waits until its socket is gone. */
  async shut(error: GatewayError): Promise<void> {
    this.destroy(error);
    if (!this.#socket.closed) await once(this.#socket, "close");
  }

  #take(): Exchange | undefined {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange !== undefined) clearTimeout(exchange.timer);
    return exchange;
  }

  #giveUp(): void {
    // Half an answer: whatever follows would be read as its other half.
    if (this.#port.isMidFrame) {
      this.destroy(this.#violation("an answer that breaks off in the middle"));
      return;
    }
    this.#port.abandon();
    this.#take()?.resolve({ kind: "timeout" });
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
    return new GatewayError(
      "PROTOCOL_VIOLATION",
      `${this.#endpoint} answers with what is no Modbus TCP: ${what}. The connection was closed. ` +
        "Check that the port is the device's Modbus TCP port and that nothing else answers there.",
      { cause, context: { endpoint: this.#endpoint, what } },
    );
  }

  #lost(how: string, cause?: Error): GatewayError {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `The connection to ${this.#endpoint} ${how}. Check the device's power and cabling, ` +
        "and whether it allows one more connection.",
      { cause, context: { endpoint: this.#endpoint } },
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
