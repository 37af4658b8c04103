import {
  GatewayError,
  type AdapterContext,
  type Bus,
  type Clock,
  type DeviceMetrics,
} from "../../src/adapter-kit/index.ts";
import { ModbusLink } from "./link.ts";
import type { ModbusConnection } from "./mapping.ts";
import { RequestQueue, type Queued } from "./request-queue.ts";
import { isSilence, kindOf, type ModbusRequest, type Outcome } from "./request.ts";
import { SharedAttempt } from "./shared-attempt.ts";
import { connectTcp } from "./tcp-connect.ts";

/** One device on the bus, from its `connect` to its `close`. */
export interface BusMember {
  readonly connection: ModbusConnection;
  readonly metrics: DeviceMetrics;
  readonly trace?: AdapterContext["trace"];
}

/** Sends one request of a job. Rejects where the connection is lost or violated. */
export type Exchange = (request: ModbusRequest) => Promise<Outcome>;

/** Some requests of one member that nothing may come between. */
export interface BusJob<T> extends Queued {
  readonly member: BusMember;
  readonly signal: AbortSignal;
  work(exchange: Exchange): Promise<T>;
}

interface Waiting extends Queued {
  start(link: ModbusLink): Promise<void>;
  reject(error: unknown): void;
}

/**
 * The connection that all devices at one host and port share, and its one queue. One request is in flight; a write
 * waits for that one at most. It never retries: when the connection is lost, everything waiting rejects at once, and
 * the next `connect` of any member opens it again.
 */
export class ModbusBus implements Bus {
  readonly #host: string;
  readonly #port: number;
  readonly #clock: Clock;
  readonly #queue = new RequestQueue<Waiting>();
  readonly #members = new Set<BusMember>();
  readonly #silent = new Set<BusMember>();
  /** Runs of each unit id in a row that ended without one answer. */
  readonly #silentRuns = new Map<number, number>();
  readonly #closing = new AbortController();
  readonly #opening: SharedAttempt<ModbusLink>;
  #link: ModbusLink | undefined;
  /** Whose request went out last: what comes back is taken for the answer to it. */
  #asking: BusMember | undefined;
  #draining = false;
  /** Monotonic ms before which no request goes out. */
  #restsUntil = 0;

  constructor(host: string, port: number, clock: Clock) {
    this.#host = host;
    this.#port = port;
    this.#clock = clock;
    this.#opening = new SharedAttempt();
  }

  get endpoint(): string {
    return `${this.#host}:${this.#port}`;
  }

  /** Opens the connection where it is not open; resolves with the way to hear of its end. */
  async connect(member: BusMember, signal: AbortSignal): Promise<Pick<ModbusLink, "onEnd">> {
    this.#members.add(member);
    if (this.#link?.isOpen === true) return this.#link;
    return this.#opening.join((shared) => this.#open(member, shared), signal);
  }

  /** The member is done; its waiting jobs are its own to abort. */
  leave(member: BusMember): void {
    this.#members.delete(member);
    this.#silent.delete(member);
    if (this.#asking === member) this.#asking = undefined;
  }

  /** How many runs of the unit in a row ended without one answer: 0 for a unit that answered last time, or is new. */
  silentRuns(unit: number): number {
    return this.#silentRuns.get(unit) ?? 0;
  }

  /** The member gives its unit up. Where no other member has answers, the connection itself is taken for dead. */
  declareSilent(member: BusMember): void {
    const { unitId } = member.connection;
    this.#silentRuns.set(unitId, this.silentRuns(unitId) + 1);
    this.#silent.add(member);
    if ([...this.#members].some((other) => !this.#silent.has(other))) return;
    this.#link?.destroy(this.#unreachable("No device answers on the connection to"));
  }

  /** Waits for its turn. Rejects with the signal's reason at once, though a request in flight still takes its time. */
  submit<T>(job: BusJob<T>): Promise<T> {
    if (job.signal.aborted) return Promise.reject(job.signal.reason as Error);
    if (this.#link?.isOpen !== true) return Promise.reject(this.#unreachable("There is no connection to"));
    return new Promise<T>((resolve, reject) => {
      const settled = () => job.signal.removeEventListener("abort", onAbort);
      const waiting: Waiting = {
        rank: job.rank,
        deadline: job.deadline,
        start: async (link) => {
          try {
            resolve(await job.work((request) => this.#exchange(link, job.member, request)));
          } catch (caught) {
            reject(caught);
          } finally {
            settled();
          }
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      const onAbort = () => {
        this.#queue.remove(waiting);
        waiting.reject(job.signal.reason);
      };
      job.signal.addEventListener("abort", onAbort);
      this.#queue.push(waiting);
      void this.#drain();
    });
  }

  async close(): Promise<void> {
    this.#closing.abort(this.#unreachable("The gateway closed the connection to"));
    this.#opening.abort(this.#closing.signal.reason);
    await this.#link?.shut(this.#closing.signal.reason as GatewayError);
  }

  async #open(member: BusMember, signal: AbortSignal): Promise<ModbusLink> {
    const { connectTimeout, pauseAfterConnect } = member.connection;
    const socket = await connectTcp(this.#host, this.#port, connectTimeout, signal);
    if (signal.aborted) {
      socket.destroy();
      throw this.#unreachable("Nobody waits any more for the connection to");
    }
    const link = new ModbusLink({
      socket,
      endpoint: this.endpoint,
      onStray: (kind, unit) => this.#countStray(kind, unit),
      onBytes: (direction, bytes) => {
        const asking = this.#asking;
        asking?.trace?.(direction, `unit ${asking.connection.unitId}`, bytes);
      },
    });
    link.start();
    this.#link = link;
    this.#silent.clear();
    this.#restsUntil = this.#clock.monotonic() + pauseAfterConnect;
    link.onEnd((error) => this.#lose(link, error));
    return link;
  }

  #lose(link: ModbusLink, error: GatewayError): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    for (let waiting = this.#queue.shift(); waiting !== undefined; waiting = this.#queue.shift()) {
      waiting.reject(error);
    }
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    try {
      while (this.#link !== undefined && this.#queue.size > 0) {
        // The pause comes before the choice: a write that arrives during it still goes first.
        if (this.#restsUntil > this.#clock.monotonic()) await this.#rest();
        const link = this.#link;
        if (link === undefined || !link.isOpen) return;
        await this.#queue.shift()?.start(link);
      }
    } catch {
      // Only a closing bus interrupts a pause; losing the link has rejected, or will reject, all that wait.
    } finally {
      this.#draining = false;
    }
    if (this.#link?.isOpen === true && this.#queue.size > 0) void this.#drain();
  }

  async #rest(): Promise<void> {
    const wait = this.#restsUntil - this.#clock.monotonic();
    await this.#clock.sleep(Math.ceil(wait), this.#closing.signal);
  }

  async #exchange(link: ModbusLink, member: BusMember, request: ModbusRequest): Promise<Outcome> {
    if (this.#restsUntil > this.#clock.monotonic()) await this.#rest();
    const { connection, metrics } = member;
    const sentAt = this.#clock.monotonic();
    this.#asking = member;
    try {
      const outcome = await link.exchange(request, connection.timeout);
      const at = this.#clock.monotonic();
      this.#restsUntil = at + connection.pauseBetweenRequests;
      if (outcome.kind === "timeout") metrics.fault("timeout");
      else {
        metrics.request(kindOf(request), at - sentAt);
        if (!isSilence(outcome)) this.#silentRuns.delete(request.unit);
        if (outcome.kind === "exception") metrics.fault(`exception-${outcome.code}`);
      }
      return outcome;
    } catch (caught) {
      if (caught instanceof GatewayError && caught.code === "PROTOCOL_VIOLATION") metrics.fault("framing");
      throw caught;
    }
  }

  #countStray(kind: "late" | "wrong-id", unit: number): void {
    for (const { connection, metrics } of this.#members) if (connection.unitId === unit) metrics.fault(kind);
  }

  #unreachable(what: string): GatewayError {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `${what} ${this.endpoint}. Check power, cabling and the address.`,
      {
        context: { endpoint: this.endpoint },
      },
    );
  }
}
