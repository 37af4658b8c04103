import type { AedesPublishPacket } from "aedes";
import { compileFilter, hasWildcard } from "../domain/topic-filter.ts";
import { isGatewayTopic } from "../security/rights.ts";
import type { BrokerCounters } from "./counters.ts";
import type { Journal } from "./journal.ts";
import type { BrokerLimits } from "./limits.ts";

/** The last reading of each tag, kept by the gateway once for MQTT and NATS alike. */
export interface LastValueSource {
  get(topic: string): string | undefined;
  values(): Iterable<{ readonly path: { readonly topic: string }; readonly json: string }>;
}

/** A message kept for late subscribers. */
export interface RetainedMessage {
  readonly cmd: "publish";
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: true;
  readonly dup: false;
}

/** A copy that pins no larger buffer: a payload is a slice of the 64 KB that came from the socket with it. */
export function compact(payload: Buffer | string): Buffer {
  if (typeof payload === "string") return Buffer.from(payload);
  const copy = Buffer.allocUnsafeSlow(payload.length);
  payload.copy(copy);
  return copy;
}

/**
 * Retained messages. What devices retain is bounded in number and bytes; the gateway's own topics are bounded by the
 * mappings. Readings are not stored again: they come from the last values.
 */
export class RetainedStore {
  readonly #messages = new Map<string, RetainedMessage>();
  readonly #lastValues: LastValueSource;
  readonly #limits: BrokerLimits;
  readonly #counters: BrokerCounters;
  readonly #journal: Journal;
  #fromDevices = { messages: 0, bytes: 0 };

  constructor(lastValues: LastValueSource, limits: BrokerLimits, counters: BrokerCounters, journal: Journal) {
    this.#lastValues = lastValues;
    this.#limits = limits;
    this.#counters = counters;
    this.#journal = journal;
  }

  /** Takes over what a restart found, as far as there is room. */
  restore(kept: readonly RetainedMessage[]): void {
    for (const message of kept) {
      if (!this.#hasRoom(message)) continue;
      this.#messages.set(message.topic, message);
      this.#count(false, 1, sizeOf(message));
    }
  }

  /**
   * Keeps the message; an empty one clears its topic (MQTT 3.1.1 §3.3.1.3). One that has no room is counted instead. True where
   * the disk is to have it before its sender is answered, which `isAwaited` asks for: what is retained already is there.
   */
  store(
    { topic, payload, qos }: Pick<AedesPublishPacket, "topic" | "payload" | "qos">,
    isAwaited = false,
  ): boolean {
    const gateway = isGatewayTopic(topic);
    const before = this.#messages.get(topic);
    this.#keep(topic, payload, qos, gateway, before);
    const after = this.#messages.get(topic);
    // The gateway says its own again after a restart.
    if (gateway || (after === undefined && before === undefined)) return false;
    const isSame =
      before?.qos === after?.qos && before !== undefined && after?.payload.equals(before.payload);
    if (isSame === true && !(isAwaited && this.#journal.isNoted(topic))) return false;
    this.#journal.retain(topic, after, isAwaited);
    return isAwaited;
  }

  #keep(
    topic: string,
    payload: Buffer | string,
    qos: 0 | 1 | 2,
    gateway: boolean,
    before: RetainedMessage | undefined,
  ): void {
    if (before !== undefined) this.#count(gateway, -1, -sizeOf(before));
    if (payload.length === 0) {
      this.#messages.delete(topic);
      return;
    }
    // The gateway's payloads are its own, made for this message alone.
    const kept = gateway && typeof payload !== "string" ? payload : compact(payload);
    const message: RetainedMessage = { cmd: "publish", topic, payload: kept, qos, retain: true, dup: false };
    if (!gateway && !this.#hasRoom(message)) {
      this.#messages.delete(topic);
      this.#counters.storeRefused += 1;
      return;
    }
    this.#messages.set(topic, message);
    this.#count(gateway, 1, sizeOf(message));
  }

  clear(topic: string): void {
    const message = this.#messages.get(topic);
    if (message === undefined) return;
    this.#messages.delete(topic);
    this.#count(isGatewayTopic(topic), -1, -sizeOf(message));
    if (!isGatewayTopic(topic)) this.#journal.retain(topic, undefined, false);
  }

  /** Every retained message that the filter matches, the last readings included. */
  *matching(filter: string): Generator<RetainedMessage> {
    if (!hasWildcard(filter)) {
      const message = this.#messages.get(filter) ?? lastReading(filter, this.#lastValues.get(filter));
      if (message !== undefined) yield message;
      return;
    }
    const matches = compileFilter(filter);
    for (const message of this.#messages.values()) if (matches(message.topic)) yield message;
    if (!couldMatchReadings(filter)) return;
    for (const { path, json } of this.#lastValues.values()) {
      const message = matches(path.topic) ? lastReading(path.topic, json) : undefined;
      if (message !== undefined) yield message;
    }
  }

  #hasRoom(message: RetainedMessage): boolean {
    const { messages, bytes } = this.#fromDevices;
    return messages < this.#limits.retainedMessages && bytes + sizeOf(message) <= this.#limits.retainedBytes;
  }

  #count(gateway: boolean, messages: number, bytes: number): void {
    this.#counters.retainedMessages += messages;
    this.#counters.retainedBytes += bytes;
    if (gateway) return;
    this.#fromDevices.messages += messages;
    this.#fromDevices.bytes += bytes;
  }
}

function sizeOf({ topic, payload }: RetainedMessage): number {
  return topic.length + payload.length;
}

function couldMatchReadings(filter: string): boolean {
  return filter.startsWith("data/") || filter.startsWith("+") || filter.startsWith("#");
}

function lastReading(topic: string, json: string | undefined): RetainedMessage | undefined {
  if (json === undefined) return undefined;
  return { cmd: "publish", topic, payload: Buffer.from(json), qos: 0, retain: true, dup: false };
}
