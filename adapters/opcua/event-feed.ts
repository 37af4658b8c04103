import { coerceNodeId } from "node-opcua-nodeid";
import { CallRequest, EventFilter, SimpleAttributeOperand, type CallResponse } from "node-opcua-types";
import { DataType, Variant } from "node-opcua-variant";
import {
  sourceTimestamp,
  type AdapterContext,
  type DeviceEvent,
  type JsonValue,
} from "../../src/adapter-kit/index.ts";
import type { AddressSpace } from "./address-space.ts";
import type { EventSource, OpcuaDevice } from "./mapping.ts";
import { ServiceFaultError } from "./channel.ts";
import type { Session } from "./session.ts";
import { qualityOf, statusName } from "./status.ts";
import type { MonitoredSpec, Subscription } from "./subscription.ts";
import { valueOf } from "./variant-value.ts";

const baseEvent = coerceNodeId("i=2041");
const condition = coerceNodeId("i=2782");
const acknowledgeable = coerceNodeId("i=2881");
const alarm = coerceNodeId("i=2915");
const conditionRefresh = coerceNodeId("i=3875");

/** What is asked of each event: OPC UA Part 5 §6.4.2, Part 9 §5.5.2, §5.7.2 and §5.8.2. */
const fields = [
  ["eventType", baseEvent, ["EventType"]],
  ["source", baseEvent, ["SourceName"]],
  ["time", baseEvent, ["Time"]],
  ["message", baseEvent, ["Message"]],
  ["severity", baseEvent, ["Severity"]],
  ["condition", condition, ["ConditionName"]],
  ["retain", condition, ["Retain"]],
  ["active", alarm, ["ActiveState", "Id"]],
  ["acked", acknowledgeable, ["AckedState", "Id"]],
  ["confirmed", acknowledgeable, ["ConfirmedState", "Id"]],
  ["comment", condition, ["Comment"]],
] as const;

const refreshStart = "i=2787";
const refreshEnd = "i=2788";
const refreshRequired = "i=2789";

/** How many events the server keeps between two publishings. */
const eventQueue = 1_000;

/** What the server is asked on, and until when. */
interface Parts {
  readonly session: Session;
  readonly subscription: Subscription;
  readonly signal: AbortSignal;
}

/** Alarms, conditions and other events of the server's, as events of the device. */
export class EventFeed {
  readonly #device: OpcuaDevice;
  readonly #context: AdapterContext;
  /** The sources whose standing conditions are just being told. */
  readonly #refreshing = new Set<EventSource>();
  #parts: Parts | undefined;
  /** The refresh under way, and whether one more is due after it. */
  #refresh: Promise<void> | undefined;
  #refreshDue = false;
  #refused = false;

  constructor(device: OpcuaDevice, context: AdapterContext) {
    this.#device = device;
    this.#context = context;
  }

  /** Begins; then asks for the conditions that stand already, since a new subscription hears of changes only. */
  async subscribe(
    subscription: Subscription,
    { session, space }: { readonly session: Session; readonly space: AddressSpace },
    signal: AbortSignal,
  ): Promise<void> {
    const { events, device } = { events: this.#device.options.events, device: this.#device.device };
    if (events.length === 0) return;
    const specs = events.flatMap((source) => {
      const resolved = space.nodeId(source.node);
      return "id" in resolved ? [this.#spec(source, resolved.id)] : [];
    });
    const results = await subscription.monitor(specs, signal);
    const refused = results.flatMap((result) => ("bad" in result ? [result.bad] : []));
    const heard = results.length - refused.length;
    if (specs.length < events.length) refused.push("BadNodeIdUnknown");
    if (refused.length > 0) {
      this.#context.log.warn(
        { device, refused },
        "the server refuses some of the event sources of this device",
      );
    }
    if (heard === 0) return;
    this.#parts = { session, subscription, signal };
    await this.#refreshed(this.#parts);
  }

  /** The server lost conditions and wants to be asked for them (Part 9 §5.11.4); what it asks in one go is done once. */
  #refreshLater(): void {
    const parts = this.#parts;
    if (parts === undefined) return;
    if (this.#refresh !== undefined) {
      this.#refreshDue = true;
      return;
    }
    // A connection that breaks meanwhile is told by the channel.
    this.#refresh = this.#refreshed(parts)
      .catch(() => undefined)
      .finally(() => {
        this.#refresh = undefined;
        if (!this.#refreshDue) return;
        this.#refreshDue = false;
        this.#refreshLater();
      });
  }

  /** ConditionRefresh, Part 9 §5.5.7. A refusal is no loss of the connection: changes are heard all the same. */
  async #refreshed({ session, subscription, signal }: Parts): Promise<void> {
    const inputArguments = [new Variant({ dataType: DataType.UInt32, value: subscription.id })];
    const call = { objectId: condition, methodId: conditionRefresh, inputArguments };
    const request = new CallRequest({ methodsToCall: [call] });
    try {
      const { results } = await session.request<CallResponse>(request, { signal });
      const status = results?.[0]?.statusCode;
      if (status === undefined) this.#tellRefused("no result");
      else if (qualityOf(status) === "bad") this.#tellRefused(statusName(status));
    } catch (caught) {
      if (!(caught instanceof ServiceFaultError)) throw caught;
      this.#tellRefused(caught.status);
    }
  }

  #tellRefused(status: string): void {
    // One is under way, and what it tells comes here.
    if (this.#refused || status === "BadRefreshInProgress") return;
    this.#refused = true;
    this.#context.log.warn(
      { device: this.#device.device, status },
      `the server takes no ConditionRefresh (${status}): alarms that stood before this connection are heard of when they change`,
    );
  }

  #spec(source: EventSource, node: MonitoredSpec["node"]): MonitoredSpec {
    const selectClauses = fields.map(
      ([, typeDefinitionId, path]) =>
        new SimpleAttributeOperand({
          typeDefinitionId,
          browsePath: path.map((name) => ({ namespaceIndex: 0, name })),
          attributeId: 13,
        }),
    );
    return {
      node,
      attribute: 12,
      samplingInterval: 0,
      queueSize: eventQueue,
      filter: new EventFilter({ selectClauses }),
      onEvent: (values) => this.#take(source, values),
    };
  }

  #take(source: EventSource, values: readonly Variant[]): void {
    const told = Object.fromEntries(
      fields.map(([key], index): [string, JsonValue] => {
        const value = values[index] === undefined ? null : valueOf(values[index]);
        return [key, typeof value === "bigint" ? `${value}` : value];
      }),
    );
    const type = textOf(told["eventType"]).replace(/^ns=0;/, "");
    if (type === refreshStart) this.#refreshing.add(source);
    if (type === refreshEnd) this.#refreshing.delete(source);
    if (type === refreshRequired) this.#refreshLater();
    if (type === refreshStart || type === refreshEnd || type === refreshRequired) return;
    this.#context.trace("received", "Event", Buffer.from(JSON.stringify(told)));
    const severity = typeof told["severity"] === "number" ? told["severity"] : 0;
    if (severity < source.severity) return;
    const { clock, metrics } = this.#context;
    const time = sourceTimestamp(told["time"], "iso8601", clock.now());
    if (time === undefined && told["time"] !== null) metrics.fault("timestamp");
    this.#context.event(eventOf(told, time, this.#refreshing.has(source)));
  }
}

function eventOf(
  told: Readonly<Record<string, JsonValue>>,
  timestamp: number | undefined,
  refreshed: boolean,
): DeviceEvent {
  const named = told["condition"] ?? told["source"] ?? "event";
  const kind = told["condition"] === null ? "event" : "alarm";
  const present = Object.entries(told).filter(([, value]) => value !== null);
  const data = { ...Object.fromEntries(present), ...(refreshed ? { refreshed: true } : {}) };
  const segment = textOf(named)
    .replaceAll(/[^A-Za-z0-9_-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  const name = `${kind}/${segment === "" ? "unnamed" : segment}`;
  return timestamp === undefined ? { name, data } : { name, timestamp, data };
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}
