import type { Clock } from "../../adapter-kit/clock.ts";
import { pointerPath, valueAt, type PointerPath } from "../../adapter-kit/json-pointer.ts";
import type { BrokerMessage } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { DeviceMapping } from "../../adapter-kit/mapping.ts";
import type { Broker } from "../../broker/broker.ts";
import { TagPath } from "../../domain/tag-path.ts";
import { captures, filledName, wildcardsOf, type Wildcard } from "../../domain/topic-filter.ts";
import type { Outbox } from "../../store/outbox.ts";
import { identityOf, type Identity, type SeenIdentities } from "../../store/seen-identities.ts";
import type { OutgoingMessage, StateStore } from "../../store/state-store.ts";
import { UntilStored } from "../../store/until-stored.ts";
import type { DurableAddition, DurableEvent, DurableListener } from "./durable-event.ts";
import { eventText, identityText, namePart } from "./durable-payload.ts";

/** A device waits so long for its PUBACK where the disk refuses; then its connection ends, and it keeps the message. */
const boundMs = 10_000;
/** Under `max_payload` of nats-server, 1 MiB, with room for the headers. */
const mostBytes = 1_000_000;
/** What of all devices waits for a disk that refuses. */
const mostWaitingBytes = 8_000_000;

/** Read by the metrics. */
export interface DurableCounters {
  /** On disk, and so acknowledged. */
  stored: number;
  /** Acknowledged, and not stored again: their identity was known. */
  repeated: number;
  /** Not acknowledged, by reason. */
  readonly refused: { disk: number; outboxFull: number; tooLarge: number; stopping: number };
  /** At QoS 0: nobody waits for them, and a device does not send them again. */
  unsure: number;
  /** Without the identity that the mapping names: stored each time. */
  unidentified: number;
}

export interface DurableEventsOptions {
  readonly site: string;
  readonly broker: Pick<Broker, "subscribe" | "publish">;
  readonly store: Pick<StateStore, "change"> & { readonly outbox: Pick<Outbox, "hasRoom"> };
  readonly seen: Pick<SeenIdentities, "has" | "add">;
  readonly clock: Clock;
  readonly log: Log;
}

/** One durable tag of a mapping. */
interface Route {
  readonly device: string;
  readonly name: string;
  readonly wildcards: readonly Wildcard[];
  readonly id: PointerPath | undefined;
  readonly stop: () => void;
}

/**
 * Durable messages of devices: each goes to the outbox with its identity and with what services add, in one transaction, and its
 * PUBACK waits for that. It hangs on the mappings alone: what the device's adapter does meanwhile does not matter.
 */
export class DurableEvents {
  readonly counters: DurableCounters = {
    stored: 0,
    repeated: 0,
    refused: { disk: 0, outboxFull: 0, tooLarge: 0, stopping: 0 },
    unsure: 0,
    unidentified: 0,
  };
  readonly #options: DurableEventsOptions;
  readonly #stopping = new AbortController();
  readonly #until: UntilStored;
  readonly #listeners = new Set<DurableListener>();
  readonly #routes = new Map<string, Route>();
  /** Identities under way to the disk. */
  readonly #open = new Set<string>();
  /** Of those, whose devices waited too long: they are on disk as soon as anything later is. */
  readonly #overdue = new Set<string>();
  #waitingBytes = 0;
  /** What was told once, by tag. */
  readonly #told = new Set<string>();

  constructor(options: DurableEventsOptions) {
    this.#options = options;
    this.#until = new UntilStored({ ...options, boundMs, signal: this.#stopping.signal });
  }

  /** See DurableListener; returns the way to stop. */
  onDurable(listener: DurableListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Takes the durable topics of these mappings from now on; those that stay miss nothing. */
  use(devices: readonly DeviceMapping[]): void {
    const wanted = new Set<string>();
    for (const { device, tags } of devices) {
      for (const { name, durable } of tags) {
        if (durable === undefined) continue;
        const key = JSON.stringify([device, name, durable.filter, durable.id]);
        wanted.add(key);
        if (!this.#routes.has(key)) this.#routes.set(key, this.#route(device, name, durable));
      }
    }
    for (const [key, route] of this.#routes) {
      if (wanted.has(key)) continue;
      route.stop();
      this.#routes.delete(key);
    }
  }

  /** Nothing is taken or acknowledged any more: the devices keep what they have. */
  stop(): void {
    this.#stopping.abort();
  }

  #route(
    device: string,
    name: string,
    { filter, id }: { readonly filter: string; readonly id?: string },
  ): Route {
    const { broker } = this.#options;
    const route = {
      device,
      name,
      wildcards: wildcardsOf(filter),
      id: id === undefined ? id : pointerPath(id),
    };
    const stop = broker.subscribe(filter, (message, hold) => {
      // What was retained before, and what the gateway itself sends, is no message of the device.
      if (message.retain || message.clientId === undefined) return;
      const taken = this.#take(message, { ...route, stop });
      if (message.qos > 0) hold(taken);
    });
    return { ...route, stop };
  }

  /** True once the message is on disk. Never rejects. */
  #take(message: BrokerMessage, route: Route): Promise<boolean> {
    if (message.qos === 0) this.#unsure(message, route);
    if (this.#stopping.signal.aborted) return this.#refuse("stopping", message, route);
    if (!this.#until.isRefused) return this.#store(message, route);
    return this.#storeLater(message, route);
  }

  /** The disk refuses: nothing more is taken in, and the memory does not grow by what it will not take. */
  async #storeLater(message: BrokerMessage, route: Route): Promise<boolean> {
    const bytes = message.payload.length;
    if (message.qos === 0 || this.#waitingBytes + bytes > mostWaitingBytes)
      return this.#refuse("disk", message, route);
    this.#waitingBytes += bytes;
    const isWell = await this.#until.recovered();
    this.#waitingBytes -= bytes;
    return isWell ? this.#store(message, route) : this.#refuse("disk", message, route);
  }

  #store(message: BrokerMessage, route: Route): Promise<boolean> {
    const { site, store, seen, clock } = this.#options;
    const { topic, payload } = message;
    const parts = captures(route.wildcards, topic);
    const names = parts.map(namePart);
    const isRenamed = names.some((name, index) => name !== parts[index]);
    const timestamp = clock.now();
    const { json, document } = eventText(payload, timestamp, isRenamed ? { topic } : {});
    const tag = filledName(route.name, names);
    const id = route.id && identityText(valueAt(document, route.id));
    if (route.id !== undefined && id === undefined) this.#unidentified(message, route);
    const identity = id === undefined ? undefined : identityOf(`${route.device}/${route.name}`, ...parts, id);
    const known = identity && this.#known(identity);
    if (known !== undefined) return known;
    const path = new TagPath("event", site, route.device, tag);
    const row: OutgoingMessage = {
      stream: "EVENTS",
      subject: path.subject,
      payload: Buffer.from(json),
      whenStored: true,
    };
    if (row.payload.length > mostBytes) return this.#refuse("tooLarge", message, route);
    if (!store.outbox.hasRoom("EVENTS", row.payload.length))
      return this.#refuse("outboxFull", message, route);
    const event: DurableEvent = {
      device: route.device,
      tag,
      topic,
      timestamp,
      payload,
      ...(id === undefined ? {} : { id }),
    };
    const additions = this.#additions(event);
    if (identity !== undefined) seen.add(identity);
    const change = store.change(
      additions.flatMap(({ changes }) => changes),
      [row, ...additions.flatMap(({ messages }) => messages.map(withEvent))],
    );
    const stored = this.#finish(this.#until.stored(change), message, route, identity);
    this.#options.broker.publish(path.topic, json, { qos: 1 });
    return stored;
  }

  async #finish(
    done: Promise<boolean>,
    message: BrokerMessage,
    route: Route,
    identity: Identity | undefined,
  ): Promise<boolean> {
    const key = identity && keyOf(identity);
    if (key !== undefined) this.#open.add(key);
    if (!(await done)) {
      if (key !== undefined) this.#overdue.add(key);
      return this.#refuse(this.#stopping.signal.aborted ? "stopping" : "disk", message, route);
    }
    if (key !== undefined) this.#open.delete(key);
    for (const overdue of this.#overdue) this.#open.delete(overdue);
    this.#overdue.clear();
    this.counters.stored += 1;
    this.#told.delete(`${route.device}/${route.name} disk`);
    return true;
  }

  /** Undefined for an identity that is new. */
  #known(identity: Identity): Promise<boolean> | undefined {
    if (!this.#options.seen.has(identity)) return undefined;
    this.counters.repeated += 1;
    // In memory alone: it is acknowledged when it is on disk.
    const { store } = this.#options;
    return this.#open.has(keyOf(identity)) ? this.#until.stored(store.change([])) : Promise.resolve(true);
  }

  #additions(event: DurableEvent): DurableAddition[] {
    return [...this.#listeners].flatMap((listener) => {
      try {
        return listener(event) ?? [];
      } catch (caught) {
        const { device, tag, id } = event;
        this.#options.log.error(
          { error: caught, device, tag, id },
          "a service failed at a durable message, which is stored without what it adds",
        );
        return [];
      }
    });
  }

  async #refuse(
    reason: keyof DurableCounters["refused"],
    { topic, qos }: BrokerMessage,
    route: Route,
  ): Promise<boolean> {
    this.counters.refused[reason] += 1;
    if (reason !== "stopping") this.#tell(reason, route, { topic, qos }, refusals[reason]);
    return false;
  }

  #unsure({ topic, clientId }: BrokerMessage, route: Route): void {
    this.counters.unsure += 1;
    this.#tell(
      "unsure",
      route,
      { topic, client: clientId },
      "a durable topic is published at QoS 0: the device gets no PUBACK, and what is lost on the way or while the disk refuses is not sent again. Set QoS 1 in the device",
    );
  }

  #unidentified({ topic }: BrokerMessage, route: Route): void {
    this.counters.unidentified += 1;
    this.#tell(
      "unidentified",
      route,
      { topic },
      "a durable message has no identity where the mapping says, a text or a whole number: it is stored, and stored again if it comes again. Check `durable.id`",
    );
  }

  /** Once for each tag; the figures have the rest. */
  #tell(what: string, { device, name }: Route, fields: object, text: string): void {
    const key = `${device}/${name} ${what}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#options.log.warn({ device, tag: name, ...fields }, text);
  }
}

function keyOf({ scope, hash }: Identity): string {
  return `${scope}:${hash}`;
}

/** What belongs to the event goes out with it, and not before. */
function withEvent(message: OutgoingMessage): OutgoingMessage {
  return { ...message, whenStored: true };
}

const refusals = {
  disk: "a durable message can't be stored because the disk refuses: it is not acknowledged and the connection ends, so that the device keeps it and sends it again. Check the disk",
  outboxFull:
    "a durable message can't be stored because the outbox is full: it is not acknowledged and the connection ends, so that the device keeps it. Check the connection to NATS, and outbox.maxBytes",
  tooLarge:
    "a durable message is larger than nats-server takes (1 MB): it is not acknowledged and the connection ends. Send less at once, or take `durable` off this tag",
} as const;
