import {
  GatewayError,
  type Adapter,
  type AdapterContext,
  type AdapterModule,
  type BrowsedTag,
  type BrowseOptions,
  type BusLease,
  type Diagnosis,
  type Sample,
  type TagWrite,
} from "../../src/adapter-kit/index.ts";
import { browseUnit, type Ask } from "./browse.ts";
import { ModbusBus, type BusMember } from "./bus.ts";
import { decodeRegisters, registerEntries } from "./decode.ts";
import { diagnoseTags } from "./diagnose.ts";
import { doubtValues } from "./doubts.ts";
import { listFound } from "./listing.ts";
import {
  endpointOf,
  type ModbusConnection,
  type ModbusDevice,
  type ModbusOptions,
  type ModbusTagOptions,
} from "./mapping.ts";
import { unitLost } from "./messages.ts";
import { planModbus } from "./plan.ts";
import { compileTags, requestOf, type PolledTag } from "./polled-tag.ts";
import { Poller } from "./poller.ts";
import { ReadPlan } from "./read-plan.ts";
import { Reader } from "./reader.ts";
import { isSilence } from "./request.ts";
import { Writer } from "./writer.ts";

/** What `connect` made. */
interface Session {
  readonly lease: BusLease<ModbusBus>;
  readonly plan: ReadPlan;
  readonly connection: Awaited<ReturnType<ModbusBus["connect"]>>;
}

/** One unit id on one serial line, or behind one host and port. */
class ModbusAdapter implements Adapter {
  readonly #device: ModbusDevice;
  readonly #context: AdapterContext;
  readonly #member: BusMember;
  readonly #tags: readonly PolledTag[];
  #lease: BusLease<ModbusBus> | undefined;
  #session: Session | undefined;

  constructor(device: ModbusDevice, context: AdapterContext) {
    this.#device = device;
    this.#context = context;
    this.#member = { connection: device.connection, context };
    this.#tags = compileTags(device);
  }

  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { connection: own } = this.#device;
    const lease = this.#context.bus(
      `modbus:${own.transport}:${endpointOf(own)}`,
      () => new ModbusBus(own, this.#context.clock),
    );
    this.#lease = lease;
    const connection = await lease.bus.connect(this.#member, signal);
    const plan = new ReadPlan(this.#tags, this.#device);
    await this.#probe(lease.bus, plan, signal);
    this.#session = { lease, plan, connection };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { lease, plan, connection } = this.#connected();
    const poller = new Poller({
      tags: this.#tags,
      plan,
      bus: lease.bus,
      member: this.#member,
      connection,
      context: this.#context,
    });
    await poller.run(signal);
  }

  async write(writes: readonly TagWrite[], signal: AbortSignal): Promise<void> {
    const { bus } = this.#connected().lease;
    const { clock } = this.#context;
    const writer = new Writer({ device: this.#device, bus, member: this.#member, clock });
    await writer.write(writes, signal);
  }

  async read(tags: readonly string[], signal: AbortSignal): Promise<readonly Sample[]> {
    const { lease, plan } = this.#connected();
    const { clock } = this.#context;
    const reader = new Reader({ tags: this.#tags, plan, bus: lease.bus, member: this.#member, clock });
    return reader.read(tags, signal);
  }

  browse(options: BrowseOptions, signal: AbortSignal): AsyncIterable<BrowsedTag> {
    const { connection, options: deviceOptions } = this.#device;
    const { clock } = this.#context;
    const deps = { ask: this.#ask(signal), unitId: connection.unitId, options: deviceOptions, clock };
    return browseUnit(options, deps, signal);
  }

  diagnose(bad: readonly Sample[], signal: AbortSignal): Promise<readonly Diagnosis[]> {
    const { unitId } = this.#device.connection;
    return diagnoseTags(bad, { ask: this.#ask(signal), unitId, tags: this.#tags });
  }

  async close(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    this.#session = undefined;
    if (lease === undefined) return;
    lease.bus.leave(this.#member);
    await lease.release();
  }

  /**
   * A unit that fell silent on a connection that others still use is asked one question before it is polled again, so
   * that each try of a dead unit costs the others one timeout. Another question each time: one of them may be at fault.
   */
  async #probe(bus: ModbusBus, plan: ReadPlan, signal: AbortSignal): Promise<void> {
    const runs = bus.silentRuns(this.#device.connection.unitId);
    const requests = plan.requests(this.#tags);
    const request = requests[runs % Math.max(1, requests.length)];
    if (runs === 0 || request === undefined) return;
    await bus.probeTurn(this.#member, signal);
    const outcome = await bus.submit({
      member: this.#member,
      rank: 2,
      deadline: this.#context.clock.monotonic() + this.#device.connection.timeout,
      signal,
      work: (exchange) => exchange(requestOf(request, this.#device.connection.unitId)),
    });
    if (!isSilence(outcome)) {
      bus.probeAnswered();
      return;
    }
    bus.declareSilent(this.#member);
    throw unitLost(this.#member, outcome);
  }

  /** Single requests, ahead of all polls. */
  #ask(signal: AbortSignal): Ask {
    const { bus } = this.#connected().lease;
    const deadline = this.#context.clock.monotonic();
    const work = { member: this.#member, rank: 0 as const, deadline, signal };
    return (request) => bus.submit({ ...work, work: (exchange) => exchange(request) });
  }

  #connected(): Session {
    if (this.#session !== undefined) return this.#session;
    throw new GatewayError(
      "DEVICE_UNREACHABLE",
      `${this.#device.device} at ${endpointOf(this.#device.connection)} is not connected.`,
    );
  }
}

/** Modbus over TCP and over serial lines. */
export const modbusAdapter: AdapterModule<ModbusConnection, ModbusOptions, ModbusTagOptions> = {
  name: "modbus",
  dialsIn: () => false,
  create: (device, context) => new ModbusAdapter(device, context),
  plan: planModbus,
  listing: listFound,
  doubts: doubtValues,
  registers: { entries: registerEntries, decode: decodeRegisters },
};
