import { once } from "node:events";
import type { Duplex } from "node:stream";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { GatewayError } from "../../src/domain/errors.ts";
import { SimulatorConnection, type Answer } from "./connection.ts";
import {
  FaultList,
  spoil,
  spoilFrame,
  type Fault,
  type FaultScope,
  type SimulatedRequest,
} from "./faults.ts";
import { framings, type CutRequest, type FramingName } from "./framing.ts";
import { answerPdu, exceptionPdu } from "./pdu.ts";
import { Unit, type UnitOptions } from "./unit.ts";

export type { Fault, FaultScope, SimulatedRequest } from "./faults.ts";
export type { Unit } from "./unit.ts";

export interface SimulatorOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, takes a free one and keeps it over restarts. */
  readonly port?: number;
  /** What is spoken to those who connect; `tcp` by default, and `rtu` as by a serial server's TCP port. */
  readonly framing?: FramingName;
  /** Requests and answers take as long as they would on a line, in ms a character; 0 by default. */
  readonly characterMs?: number;
  /** The unit ids, with what is special about each; unit 1 by default. */
  readonly units?: Readonly<Record<number, UnitOptions>>;
  /** What a request to any other unit id gets: an exception code (11, as a bridge answers, by default on TCP) or nothing (by default on a line). */
  readonly unknownUnit?: number | "silence";
  /** Each answer takes so long, in ms: a constant, or by request. */
  readonly delay?: number | ((request: SimulatedRequest) => number);
  /** Connections beyond this number are closed at once. */
  readonly maxConnections?: number;
  /** How many of the last requests `requests` keeps; 10,000 by default. */
  readonly keepRequests?: number;
}

/** A Modbus server on TCP and on lines, written from the specification, so that the adapter is not tested against its own library. */
export class ModbusSimulator {
  readonly #options: SimulatorOptions;
  readonly #units = new Map<number, Unit>();
  readonly #faults = new FaultList();
  readonly #connections = new Set<SimulatorConnection>();
  #requests: SimulatedRequest[] = [];
  #server: Server | undefined;
  #port: number;
  #requestCount = 0;
  #accepted = 0;
  #frozen = false;

  constructor(options: SimulatorOptions = {}) {
    this.#options = options;
    this.#port = options.port ?? 0;
    for (const [id, unit] of Object.entries(options.units ?? { 1: {} })) {
      this.#units.set(Number(id), new Unit(Number(id), unit));
    }
  }

  /** A simulator that listens. */
  static async start(options: SimulatorOptions = {}): Promise<ModbusSimulator> {
    const simulator = new ModbusSimulator(options);
    await simulator.listen();
    return simulator;
  }

  get host(): string {
    return this.#options.host ?? "127.0.0.1";
  }

  /** Where it listens, or listened last. */
  get port(): number {
    return this.#port;
  }

  /** Clients connected now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Connections taken since the start. */
  get acceptedCount(): number {
    return this.#accepted;
  }

  /** Requests since the start. */
  get requestCount(): number {
    return this.#requestCount;
  }

  /** The last requests, the oldest first. */
  get requests(): readonly SimulatedRequest[] {
    return this.#requests;
  }

  /** Forgets the requests kept so far. */
  clearRequests(): void {
    this.#requests = [];
  }

  /** One of the units; throws where there is none of that id. */
  unit(id = 1): Unit {
    const unit = this.#units.get(id);
    if (unit === undefined) throw new GatewayError("INTERNAL", `the simulator has no unit ${id}`);
    return unit;
  }

  /** From now on answers are spoilt so; returns the way to take the fault back. */
  inject(fault: Fault, scope: FaultScope = {}): () => void {
    return this.#faults.add(fault, scope);
  }

  clearFaults(): void {
    this.#faults.clear();
    this.#frozen = false;
  }

  /** Accepts connections and requests, and answers nothing, as a PLC in a hung state; `clearFaults` ends it. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Idempotent. Rejects with the system's error where the port is taken. */
  async listen(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => this.#accept(socket));
    server.listen(this.#port, this.host);
    await once(server, "listening");
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  /** Closes every connection and refuses new ones, until `listen`. Idempotent. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.dropConnections();
    if (server === undefined) return;
    server.close();
    await once(server, "close");
  }

  /** As a PLC that is switched off and on: connections gone, then listening on the same port. */
  async restart(): Promise<void> {
    await this.refuse();
    await this.listen();
  }

  /** Closes every connection; new ones are welcome. */
  dropConnections(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
  }

  /** Serves one line more, such as the end of a pseudo-terminal; `dropConnections` and `refuse` destroy it. */
  attach(line: Duplex, framing: Exclude<FramingName, "tcp">): void {
    this.#serve(line, framing);
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= (this.#options.maxConnections ?? Number.POSITIVE_INFINITY)) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    this.#serve(socket, this.#options.framing ?? "tcp");
  }

  #serve(stream: Duplex, framing: FramingName): void {
    this.#accepted += 1;
    const connection = new SimulatorConnection({
      id: this.#accepted,
      stream,
      framing: framings[framing],
      characterMs: this.#options.characterMs ?? 0,
      closesOnJunk: framing === "tcp",
      handlers: {
        onRequest: (id, request) => this.#answer(id, request, framing),
        onClose: () => this.#connections.delete(connection),
      },
    });
    this.#connections.add(connection);
    connection.start();
  }

  #answer(connection: number, cut: CutRequest, framing: FramingName): Answer {
    const request = this.#record(connection, cut);
    const silence: Answer = { frame: undefined, fault: undefined, delayMs: 0 };
    if (this.#frozen) return silence;
    const fault = this.#faults.take(request);
    if (fault?.kind === "dead") return silence;
    const response = this.#respond(request, fault, framing);
    if (response === undefined || fault?.kind === "drop") return { ...silence, fault };
    const adu = spoil(Buffer.concat([Buffer.from([request.unit]), response]), fault);
    const frame = spoilFrame(framings[framing].frame(adu, request.transactionId, fault), fault);
    const { delay = 0 } = this.#options;
    const usual = typeof delay === "number" ? delay : delay(request);
    return { frame, fault, delayMs: fault?.kind === "delay" ? fault.ms : usual };
  }

  #respond(request: SimulatedRequest, fault: Fault | undefined, framing: FramingName): Buffer | undefined {
    if (fault?.kind === "exception") return exceptionPdu(request.functionCode, fault.code);
    const unit = this.#units.get(request.unit);
    if (unit !== undefined) return answerPdu(unit, request.pdu);
    const { unknownUnit = framing === "tcp" ? 11 : "silence" } = this.#options;
    return unknownUnit === "silence" ? undefined : exceptionPdu(request.functionCode, unknownUnit);
  }

  #record(connection: number, { transactionId, adu }: CutRequest): SimulatedRequest {
    this.#requestCount += 1;
    const pdu = adu.subarray(1);
    const addressed = pdu.length >= 5;
    const request: SimulatedRequest = {
      number: this.#requestCount,
      connection,
      transactionId,
      unit: adu.readUInt8(0),
      functionCode: pdu.readUInt8(0),
      address: addressed ? pdu.readUInt16BE(1) : -1,
      quantity: addressed ? pdu.readUInt16BE(3) : 0,
      pdu: Buffer.from(pdu),
    };
    const kept = this.#requests;
    kept.push(request);
    const keep = this.#options.keepRequests ?? 10_000;
    // Cut back in one go now and then: a shift for each request would cost more than the answer.
    if (kept.length > keep * 2) this.#requests = kept.slice(-keep);
    return request;
  }
}
