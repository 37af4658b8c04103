import type { DataValue } from "node-opcua-data-value";
import type { NodeId } from "node-opcua-nodeid";
import {
  CreateMonitoredItemsRequest,
  CreateSubscriptionRequest,
  DataChangeNotification,
  DeleteMonitoredItemsRequest,
  EventNotificationList,
  PublishRequest,
  StatusChangeNotification,
  type CreateMonitoredItemsResponse,
  type CreateSubscriptionResponse,
  type DataChangeFilter,
  type DeleteMonitoredItemsResponse,
  type EventFilter,
  type PublishResponse,
} from "node-opcua-types";
import type { Variant } from "node-opcua-variant";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import { abortable } from "./abortable.ts";
import { inBatches, isOfConnection } from "./batches.ts";
import { ServiceFaultError } from "./channel.ts";
import type { Limits } from "./limits.ts";
import type { Session } from "./session.ts";
import { qualityOf, statusName } from "./status.ts";

/** One thing that the server watches. */
export interface MonitoredSpec {
  readonly node: NodeId;
  /** 13: the value; 12: events. */
  readonly attribute: number;
  readonly samplingInterval: number;
  readonly queueSize: number;
  readonly filter?: DataChangeFilter | EventFilter | undefined;
  onData?(data: DataValue): void;
  onEvent?(fields: readonly Variant[]): void;
}

/** What became of one: an id to take it back by, or why the server refused. */
export type Monitored =
  | {
      readonly id: number;
      readonly handle: number;
      /** What the server made of the interval asked for, in ms. */
      readonly samplingInterval: number;
    }
  | { readonly bad: string };

export interface SubscriptionOptions {
  readonly place: string;
  /** In ms. */
  readonly publishingInterval: number;
  /** The server says something after this long at the latest, in ms. */
  readonly keepAlive: number;
  readonly timeout: number;
}

/** Who is told of what the subscription brings. */
export interface SubscriptionListener {
  /** After each answer of the server, a keep-alive too. */
  notified(this: void): void;
  /** A notification never came: its number was passed over. */
  lostSome(this: void): void;
}

/** How many publish requests wait at the server: one answered and one on its way leave one for what comes next. */
const outstanding = 3;
/** So many publish requests may end in a fault one after the other: the server may fail over one notification. */
const mostFaults = 8;
/** A server that lost its client keeps the subscription for this long, in ms. */
const lifetimeMs = 60_000;

/** One subscription (OPC UA Part 4 §5.13), its items, and the publish requests that carry its notifications. */
export class Subscription {
  readonly #session: Session;
  readonly #limits: Limits;
  readonly #options: SubscriptionOptions;
  readonly #items = new Map<number, MonitoredSpec>();
  readonly #acknowledge: number[] = [];
  #id = 0;
  #keepAliveMs = 0;
  #handles = 0;
  /** Of the notification that came last; 0 before the first. */
  #sequence = 0;
  #faults = 0;
  #publishing = 0;

  constructor(session: Session, limits: Limits, options: SubscriptionOptions) {
    this.#session = session;
    this.#limits = limits;
    this.#options = options;
  }

  get id(): number {
    return this.#id;
  }

  async create(signal: AbortSignal): Promise<void> {
    const { publishingInterval, keepAlive } = this.#options;
    const keepAliveCount = Math.max(1, Math.ceil(keepAlive / publishingInterval));
    const request = new CreateSubscriptionRequest({
      requestedPublishingInterval: publishingInterval,
      requestedMaxKeepAliveCount: keepAliveCount,
      requestedLifetimeCount: Math.max(keepAliveCount * 3, Math.ceil(lifetimeMs / publishingInterval)),
      maxNotificationsPerPublish: 0,
      publishingEnabled: true,
      priority: 0,
    });
    const created = await this.#session.request<CreateSubscriptionResponse>(request, { signal });
    this.#id = created.subscriptionId;
    this.#keepAliveMs = created.revisedPublishingInterval * created.revisedMaxKeepAliveCount;
  }

  /** Creates the items, in batches that the server takes: one result each, in order. */
  async monitor(specs: readonly MonitoredSpec[], signal: AbortSignal): Promise<readonly Monitored[]> {
    return inBatches(specs, {
      limits: this.#limits,
      service: "monitor",
      call: (batch) => this.#monitor(batch, signal),
      refused: (_spec, status): Monitored => ({ bad: status }),
    });
  }

  async forget(
    items: readonly { readonly id: number; readonly handle: number }[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const { handle } of items) this.#items.delete(handle);
    await inBatches(items, {
      limits: this.#limits,
      service: "monitor",
      call: async (batch) => {
        const monitoredItemIds = batch.map(({ id }) => id);
        const request = new DeleteMonitoredItemsRequest({ subscriptionId: this.#id, monitoredItemIds });
        const response = await this.#session.request<DeleteMonitoredItemsResponse>(request, { signal });
        return (response.results ?? []).map(statusName);
      },
      // What the server does not forget says nothing to anybody.
      refused: (_item, status) => status,
    });
  }

  /** Takes notifications until aborted; rejects when the subscription or the connection is lost. */
  async run(listener: SubscriptionListener, signal: AbortSignal): Promise<never> {
    const loops = Array.from({ length: outstanding }, () => this.#publish(listener, signal));
    await abortable(Promise.all(loops), signal);
    throw new GatewayError(
      "DEVICE_UNREACHABLE",
      `${this.#options.place} takes no publish requests any more.`,
    );
  }

  async #monitor(batch: readonly MonitoredSpec[], signal: AbortSignal): Promise<readonly Monitored[]> {
    const handles = batch.map(() => (this.#handles += 1));
    const request = new CreateMonitoredItemsRequest({
      subscriptionId: this.#id,
      timestampsToReturn: 2,
      itemsToCreate: batch.map(({ node, attribute, samplingInterval, queueSize, filter }, index) => ({
        itemToMonitor: { nodeId: node, attributeId: attribute },
        monitoringMode: 2,
        requestedParameters: {
          clientHandle: handles[index] ?? 0,
          samplingInterval,
          queueSize,
          discardOldest: true,
          ...(filter === undefined ? {} : { filter }),
        },
      })),
    });
    // Values may come before the answer is worked on.
    for (const [index, spec] of batch.entries()) this.#items.set(handles[index] ?? 0, spec);
    try {
      const { results } = await this.#session.request<CreateMonitoredItemsResponse>(request, { signal });
      return batch.map((_spec, index): Monitored => {
        const result = results?.[index];
        const handle = handles[index] ?? 0;
        if (result !== undefined && qualityOf(result.statusCode) !== "bad")
          return { id: result.monitoredItemId, handle, samplingInterval: result.revisedSamplingInterval };
        this.#items.delete(handle);
        return { bad: result === undefined ? "BadUnexpectedError" : statusName(result.statusCode) };
      });
    } catch (caught) {
      for (const handle of handles) this.#items.delete(handle);
      throw caught;
    }
  }

  /** One publish request after the other; ends where the server wants fewer at once. */
  async #publish(listener: SubscriptionListener, signal: AbortSignal): Promise<void> {
    this.#publishing += 1;
    // All of them wait behind each other, and each is answered within one keep-alive.
    const timeout = this.#keepAliveMs * outstanding + this.#options.timeout;
    while (!signal.aborted) {
      const acknowledge = this.#acknowledge.splice(0);
      const request = new PublishRequest({
        subscriptionAcknowledgements: acknowledge.map((sequenceNumber) => ({
          subscriptionId: this.#id,
          sequenceNumber,
        })),
      });
      try {
        const response = await this.#session.request<PublishResponse>(request, { timeout });
        if (signal.aborted) return;
        this.#faults = 0;
        if (this.#take(response)) listener.lostSome();
        listener.notified();
      } catch (caught) {
        if (!(caught instanceof ServiceFaultError)) throw caught;
        if (caught.status === "BadTooManyPublishRequests" && this.#publishing > 1) {
          this.#publishing -= 1;
          return;
        }
        // The server let the request wait too long: it is sent again.
        if (caught.status === "BadTimeout") continue;
        // One value that it can't encode is no loss of the subscription: what went missing shows by its number.
        this.#faults += 1;
        if (isOfConnection(caught.status) || this.#faults > mostFaults)
          throw this.#lost(caught.status, caught);
      }
    }
  }

  /** True where one before it never came. */
  #take({ subscriptionId, notificationMessage }: PublishResponse): boolean {
    if (subscriptionId !== this.#id) return false;
    const { notificationData, sequenceNumber } = notificationMessage;
    if (!notificationData || notificationData.length === 0) return false;
    this.#acknowledge.push(sequenceNumber);
    // It begins at 1 and goes on at 1 after 2^32 - 1 (Part 4 §7.26).
    const gap = sequenceNumber > this.#sequence + 1;
    this.#sequence = sequenceNumber;
    for (const notification of notificationData) {
      if (notification instanceof DataChangeNotification) {
        for (const { clientHandle, value } of notification.monitoredItems ?? []) {
          this.#items.get(clientHandle)?.onData?.(value);
        }
      } else if (notification instanceof EventNotificationList) {
        for (const { clientHandle, eventFields } of notification.events ?? []) {
          this.#items.get(clientHandle)?.onEvent?.(eventFields ?? []);
        }
      } else if (
        notification instanceof StatusChangeNotification &&
        qualityOf(notification.status) === "bad"
      ) {
        throw this.#lost(statusName(notification.status));
      }
    }
    return gap;
  }

  #lost(status: string, cause?: unknown): GatewayError {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `${this.#options.place} has lost the subscription (${status}).`,
      {
        cause,
        context: { status },
      },
    );
  }
}
