import { GatewayError, type AdapterContext, type Bus, type Clock } from "../../src/adapter-kit/index.ts";
import type { LinkEvents, ModbusLink } from "./link.ts";
import { endpointOf, type ModbusConnection } from "./mapping.ts";
import { openLink } from "./open-link.ts";
import { ProbeShare } from "./probe-share.ts";
import { RequestQueue, type Queued } from "./request-queue.ts";
import { isSilence, kindOf, type ModbusRequest, type Outcome } from "./request.ts";
import { SharedAttempt } from "./shared-attempt.ts";

/** One device on the bus, from its `connect` to its `close`. */
export interface BusMember {
  readonly connection: ModbusConnection;
  readonly context: Pick<AdapterContext, "log" | "metrics" | "trace">;
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
  readonly member: BusMember;
  start(link: ModbusLink): Promise<void>;
  reject(error: unknown): void;
}

/**
 * The connection that all devices on one serial line, or at one host and port, share, and its one queue: the scheduler
 * of them all. One request is in flight; a write or an event tag waits for that one at most. It never retries: when
 * the connection is lost, everything waiting rejects at once, and the next `connect` of any member opens it again.
 */
export class ModbusBus implements Bus {
  readonly #endpoint: string;
  readonly #clock: Clock;
  readonly #queue = new RequestQueue<Waiting>();
  readonly #members = new Set<BusMember>();
  readonly #silent = new Set<BusMember>();
  /** Runs of each unit id in a row that ended without one answer. */
  readonly #silentRuns = new Map<number, number>();
  readonly #probes: ProbeShare;
  readonly #closing = new AbortController();
  readonly #opening: SharedAttempt<ModbusLink>;
  #link: ModbusLink | undefined;
  /** The end of the link before: a serial port can't be opened again while it closes. */
  #shut: Promise<void> = Promise.resolve();
  #draining = false;
  /** Monotonic ms before which no request goes out. */
  #restsUntil = 0;
  #lastUnit: number | undefined;
  #lastEndedAt = 0;

  /** All members' connections have one endpoint. */
  constructor(connection: ModbusConnection, clock: Clock) {
    this.#endpoint = endpointOf(connection);
    this.#clock = clock;
    this.#opening = new SharedAttempt();
    this.#probes = new ProbeShare(clock);
  }

  get endpoint(): string {
    return this.#endpoint;
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
        member: job.member,
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
    await this.#shut;
  }

  /** Waits until a unit that fell silent may be asked again without taking more than a small share of the others' time. */
  async probeTurn(member: BusMember, signal: AbortSignal): Promise<void> {
    const others = () => [...this.#members].some((other) => other !== member && !this.#isQuarantined(other));
    await this.#probes.turn(member.connection.timeout, others, signal);
  }

  /** The unit that had the turn is back. */
  probeAnswered(): void {
    this.#probes.giveBack();
  }

  #isQuarantined(member: BusMember): boolean {
    return this.#silent.has(member) || this.silentRuns(member.connection.unitId) > 0;
  }

  async #open(member: BusMember, signal: AbortSignal): Promise<ModbusLink> {
    await this.#shut;
    const link = await openLink(member.connection, this.#events(), this.#clock, signal);
    link.onEnd((error) => this.#lose(link, error));
    if (signal.aborted) {
      await link.shut(this.#unreachable("Nobody waits any more for the connection to"));
      throw signal.reason;
    }
    this.#link = link;
    this.#silent.clear();
    this.#lastUnit = undefined;
    this.#restsUntil = this.#clock.monotonic() + member.connection.pauseAfterConnect;
    return link;
  }

  #events(): LinkEvents {
    const membersAt = (unit: number) =>
      [...this.#members].filter(({ connection }) => connection.unitId === unit);
    return {
      onStray: (kind, unit) => {
        for (const { context } of membersAt(unit)) context.metrics.fault(kind);
      },
      onFrame: (direction, unit, frame) => {
        for (const { connection, context } of this.#members) {
          if (connection.unitId === unit) context.trace(direction, `unit ${unit}`, frame);
        }
      },
      onEcho: () => {
        const [first] = this.#members;
        first?.context.log.warn(
          { endpoint: this.#endpoint },
          `${this.#endpoint} gives back all that is sent (local echo). That works, but takes time from every request: ` +
            "switch the echo of the RS-485 adapter off, or its receiver while it sends",
        );
      },
    };
  }

  #lose(link: ModbusLink, error: GatewayError): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    this.#shut = link.shut(error);
    for (let waiting = this.#queue.shift(); waiting !== undefined; waiting = this.#queue.shift()) {
      waiting.reject(error);
    }
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    try {
      for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
        const link = this.#link;
        if (link === undefined || !link.isOpen) return;
        // The pause comes before the choice: a write that arrives during it still goes first.
        const rest = this.#restBefore(link, next.member);
        if (rest > 0) {
          await this.#clock.sleep(rest, this.#closing.signal);
          continue;
        }
        this.#queue.shift();
        await next.start(link);
      }
    } catch {
      // Only a closing bus interrupts a pause; losing the link has rejected, or will reject, all that wait.
    } finally {
      this.#draining = false;
    }
    if (this.#link?.isOpen === true && this.#queue.size > 0) void this.#drain();
  }

  /** ms that the line, the unit asked last or a change of unit still needs; 0 or less where nothing does. */
  #restBefore(link: ModbusLink, { connection }: BusMember): number {
    const changes = this.#lastUnit !== undefined && this.#lastUnit !== connection.unitId;
    const turned = changes ? this.#lastEndedAt + connection.turnaround : 0;
    return Math.ceil(Math.max(this.#restsUntil, link.restsUntil, turned) - this.#clock.monotonic());
  }

  async #exchange(link: ModbusLink, member: BusMember, request: ModbusRequest): Promise<Outcome> {
    const { connection, context } = member;
    if (link.isInDoubt(request)) {
      const settled = await this.#timed(link, member, () => link.loopback(request.unit, connection.timeout));
      if (isSilence(settled)) return settled;
    }
    const sentAt = this.#clock.monotonic();
    try {
      const outcome = await this.#timed(link, member, () => link.exchange(request, connection.timeout));
      if (outcome.kind === "data" || outcome.kind === "exception") {
        context.metrics.request(kindOf(request), this.#clock.monotonic() - sentAt);
        if (!isSilence(outcome)) this.#silentRuns.delete(request.unit);
        if (outcome.kind === "exception") context.metrics.fault(`exception-${outcome.code}`);
      }
      return outcome;
    } catch (caught) {
      const isViolation = caught instanceof GatewayError && caught.code === "PROTOCOL_VIOLATION";
      if (isViolation) context.metrics.fault("framing");
      throw caught;
    }
  }

  /** One exchange between two pauses. */
  async #timed(link: ModbusLink, member: BusMember, exchange: () => Promise<Outcome>): Promise<Outcome> {
    for (let rest = this.#restBefore(link, member); rest > 0; rest = this.#restBefore(link, member)) {
      await this.#clock.sleep(rest, this.#closing.signal);
    }
    const { connection, context } = member;
    const outcome = await exchange();
    this.#lastUnit = connection.unitId;
    this.#lastEndedAt = this.#clock.monotonic();
    this.#restsUntil = this.#lastEndedAt + connection.pauseBetweenRequests;
    if (outcome.kind === "timeout") context.metrics.fault("timeout");
    if (outcome.kind === "garbled") context.metrics.fault("framing");
    return outcome;
  }

  #unreachable(what: string): GatewayError {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `${what} ${this.#endpoint}. Check power, cabling and the address.`,
      {
        context: { endpoint: this.#endpoint },
      },
    );
  }
}
