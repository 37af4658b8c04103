import type { Clock } from "../../adapter-kit/clock.ts";
import { pointerPath, valueAt, type PointerPath } from "../../adapter-kit/json-pointer.ts";
import type { BrokerMessage } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { DeviceMapping } from "../../adapter-kit/mapping.ts";
import type { Broker } from "../../broker/broker.ts";
import { TagPath } from "../../domain/tag-path.ts";
import { captures, filledName, wildcardsOf, type Wildcard } from "../../domain/topic-filter.ts";
import type { Outbox } from "../../store/outbox.ts";
import { contentMark, identityOf, type Identity, type SeenIdentities } from "../../store/seen-identities.ts";
import type { OutgoingMessage, StateStore } from "../../store/state-store.ts";
import { UntilStored } from "../../store/until-stored.ts";
import type { DurableAddition, DurableEvent, DurableListener } from "./durable-event.ts";
import { eventText, identityText, namePart } from "./durable-payload.ts";
import { DurableTally, type DurableCounters, type RefusalReason } from "./durable-tally.ts";

/** A device waits so long for its PUBACK where the disk refuses; then its connection ends, and it keeps the message. */
const boundMs = 10_000;
/** Under `max_payload` of nats-server, 1 MiB, with room for the headers. */
const mostBytes = 1_000_000;
/** What of all devices waits for a disk that refuses. */
const mostWaitingBytes = 8_000_000;

export interface DurableEventsOptions {
  readonly site: string;
  readonly broker: Pick<Broker, "subscribe" | "publish">;
  readonly store: Pick<StateStore, "change"> & { readonly outbox: Pick<Outbox, "hasRoom"> };
  readonly seen: Pick<SeenIdentities, "contentOf" | "add">;
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
  readonly #options: DurableEventsOptions;
  readonly #stopping = new AbortController();
  readonly #until: UntilStored;
  readonly #tally: DurableTally;
  readonly #listeners = new Set<DurableListener>();
  readonly #routes = new Map<string, Route>();
  /** Identities under way to the disk. */
  readonly #open = new Set<string>();
  /** Of those, whose devices waited too long: they are on disk as soon as anything later is. */
  readonly #overdue = new Set<string>();
  #waitingBytes = 0;

  constructor(options: DurableEventsOptions) {
    this.#options = options;
    this.#tally = new DurableTally(options.log);
    this.#until = new UntilStored({ ...options, boundMs, signal: this.#stopping.signal });
  }

  get counters(): DurableCounters {
    return this.#tally.counters;
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
    if (message.qos === 0) this.#tally.unsure(route, message);
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
    const { seen, clock } = this.#options;
    const { topic, payload } = message;
    const parts = captures(route.wildcards, topic);
    const names = parts.map(namePart);
    const isRenamed = names.some((name, index) => name !== parts[index]);
    const timestamp = clock.now();
    const { json, document } = eventText(payload, timestamp, isRenamed ? { topic } : {});
    const tag = filledName(route.name, names);
    const id = route.id && identityText(valueAt(document, route.id));
    if (route.id !== undefined && id === undefined) this.#tally.unidentified(route, message);
    if (id === undefined) return this.#keep(message, route, { tag, json, timestamp });
    const scope = `${route.device}/${route.name}`;
    const content = contentMark(payload);
    const identity = identityOf(scope, ...parts, id);
    const known = seen.contentOf(identity);
    if (known === undefined)
      return this.#keep(message, route, { tag, json, timestamp, id, identity, content });
    if (known === content) return this.#repeated(identity);
    const other = identityOf(`${scope} conflict`, ...parts, id, content);
    if (seen.contentOf(other) !== undefined) return this.#repeated(other);
    this.#tally.conflicting(route, message, id);
    return this.#keep(message, route, { tag: `${tag}/conflict`, json, timestamp, identity: other, content });
  }

  #keep(
    message: BrokerMessage,
    route: Route,
    { tag, json, timestamp, id, identity, content = "" }: Kept,
  ): Promise<boolean> {
    const { site, store, seen } = this.#options;
    const { topic, payload } = message;
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
    const { device } = route;
    // What conflicts with another is of no service's: which of both holds is for people to say.
    const isFirst = identity === undefined || id !== undefined;
    const additions = isFirst
      ? this.#additions({ device, tag, topic, timestamp, payload, ...(id === undefined ? {} : { id }) })
      : [];
    if (identity !== undefined) seen.add(identity, content);
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
    this.#tally.stored(route);
    return true;
  }

  /** It is acknowledged when the first is on disk: perhaps that is in memory alone. */
  #repeated(identity: Identity): Promise<boolean> {
    this.#tally.counters.repeated += 1;
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

  async #refuse(reason: RefusalReason, message: BrokerMessage, route: Route): Promise<boolean> {
    this.#tally.refused(reason, route, message);
    return false;
  }
}

/** A message as it is to be stored. */
interface Kept {
  readonly tag: string;
  readonly json: string;
  readonly timestamp: number;
  /** Its own identity, where it is the first of that. */
  readonly id?: string;
  readonly identity?: Identity;
  readonly content?: string;
}

function keyOf({ scope, hash }: Identity): string {
  return `${scope}:${hash}`;
}

/** What belongs to the event goes out with it, and not before. */
function withEvent(message: OutgoingMessage): OutgoingMessage {
  return { ...message, whenStored: true };
}
