import { withOwnTopics } from "../../adapters/mqtt/own-topics.ts";
import type { MqttDeviceMapping, MqttTagMapping, MqttWriteOptions } from "../../adapters/mqtt/mapping.ts";
import { pointerPath, valueAt } from "../../src/adapter-kit/json-pointer.ts";
import { plainText, type TagValue } from "../../src/domain/reading.ts";
import { compileScaling } from "../../src/normalise/scaling.ts";
import { rawOf } from "../site/raw-value.ts";
import type { SimulatedDevice } from "../site/simulated-device.ts";
import { sourceTime } from "../site/source-time.ts";
import { withPointer } from "./pointer.ts";
import { filledIn, instancesOf } from "./wildcards.ts";

/** One MQTT message that a device sends. */
export interface DeviceMessage {
  readonly topic: string;
  readonly payload: string;
  /** Where the gateway is to have stored it before it acknowledges; else it is sent at QoS 0. */
  readonly qos?: 1;
}

interface DeviceTag {
  readonly name: string;
  readonly mapping: MqttTagMapping;
  readonly topic: string;
  /** As the device holds it. */
  raw: TagValue | undefined;
}

/** A device that sends messages: the values of its tags, laid into payloads of the shape that its mapping reads. */
export class SimulatedMqttDevice implements SimulatedDevice {
  readonly mapping: MqttDeviceMapping;
  readonly tags: readonly DeviceTag[];
  readonly #byName: ReadonlyMap<string, DeviceTag>;
  readonly #sent = new Map<string, number>();
  #frame: ((sequence: number, topic: string) => object | undefined) | undefined;
  #onDocument: ((topic: string, document: unknown) => void) | undefined;

  constructor(device: MqttDeviceMapping) {
    const mapping = withOwnTopics(device);
    this.mapping = mapping;
    this.tags = mapping.tags.flatMap((tag) =>
      instancesOf(tag.options.address).map((levels) => ({
        name: filledIn(tag.name, levels),
        mapping: tag,
        topic: filledIn(tag.options.address, levels),
        raw: undefined,
      })),
    );
    this.#byName = new Map(this.tags.map((tag) => [tag.name, tag]));
  }

  get clientId(): string {
    return this.mapping.connection.clientId ?? this.mapping.device;
  }

  get place(): string {
    return `client ${this.clientId} on ${[...new Set(this.mapping.tags.map(({ options }) => options.address))].join(", ")}`;
  }

  set(name: string, value: TagValue): void {
    const tag = this.#byName.get(name);
    if (tag !== undefined) tag.raw = rawOf(value, tag.mapping);
  }

  get(name: string): TagValue | undefined {
    const tag = this.#byName.get(name);
    return tag?.raw === undefined ? undefined : compileScaling(tag.mapping)(tag.raw);
  }

  frame(build: (sequence: number, topic: string) => object | undefined): void {
    this.#frame = build;
  }

  take(onDocument: (topic: string, document: unknown) => void): void {
    this.#onDocument = onDocument;
  }

  /** Where it takes values from the gateway. */
  get writeTopics(): ReadonlySet<string> {
    return new Set(this.mapping.tags.flatMap((tag) => writeOf(tag)?.topic ?? []));
  }

  /** A message on one of its `writeTopics`: what is written sticks. One that makes no sense changes nothing. */
  receive(topic: string, payload: string): void {
    const document = parsed(payload);
    this.#onDocument?.(topic, document);
    for (const tag of this.tags) {
      const write = writeOf(tag.mapping);
      if (write?.topic !== topic) continue;
      const value = valueAt(document, pointerPath(write.pointer ?? ""));
      if (typeof value === "number" || typeof value === "boolean" || typeof value === "string")
        tag.raw = rawOf(value, { ...tag.mapping, scale: 1, offset: 0 });
    }
  }

  /** What it sends now: one message a topic. `now` in ms since the Unix epoch. */
  messages(now: number): readonly DeviceMessage[] {
    const byTopic = Map.groupBy(this.tags, ({ topic }) => topic);
    const others = new Set([this.mapping.connection.will?.topic, ...this.writeTopics]);
    return [...byTopic].flatMap(([topic, tags]) => {
      // Those are announced, or the gateway's to send.
      if (others.has(topic) && this.#frame !== undefined) return [];
      const payload = this.#payload(topic, tags, now);
      const isDurable = tags.some(({ mapping }) => mapping.durable !== undefined);
      return payload === undefined ? [] : [{ topic, payload, ...(isDurable ? { qos: 1 } : {}) }];
    });
  }

  /** What it says on the topic of its will: a word, or a document with the word in its place. */
  announcement(word: string | number | boolean, now: number): string {
    const { will } = this.mapping.connection;
    if (will?.pointer === undefined) return String(word);
    const frame = this.#framed(will.topic);
    const document = withPointer(frame ?? {}, will.pointer, word);
    if (frame !== undefined && "timestamp" in frame) frame.timestamp = new Date(now).toISOString();
    return JSON.stringify(document);
  }

  #framed(topic: string): object | undefined {
    const sequence = (this.#sent.get(topic) ?? 0) + 1;
    const frame = this.#frame?.(sequence, topic);
    if (frame !== undefined) this.#sent.set(topic, sequence);
    return frame;
  }

  #payload(topic: string, tags: readonly DeviceTag[], now: number): string | undefined {
    const known = tags.filter(({ raw }) => raw !== undefined);
    const plain = known.find(({ mapping }) => mapping.options.payload !== "json");
    if (plain !== undefined) return plainPayload(plain);
    const frame = this.#framed(topic);
    if (frame === undefined && (known.length === 0 || this.#frame !== undefined)) return undefined;
    let document: unknown = frame ?? {};
    for (const { mapping, raw } of tags) {
      const { pointer = "", timestamp } = mapping.options;
      if (raw !== undefined)
        document = withPointer(document, pointer, typeof raw === "bigint" ? Number(raw) : raw);
      if (timestamp !== undefined)
        document = withPointer(document, timestamp.pointer, sourceTime(timestamp.unit, now));
    }
    return JSON.stringify(document);
  }
}

function writeOf({ write }: MqttTagMapping): MqttWriteOptions | undefined {
  return write?.options as MqttWriteOptions | undefined;
}

/** JSON where it is some, else the text itself. */
function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}

/** `payload: number` has digits for a bool too, `payload: text` the word. */
function plainPayload({ mapping, raw }: DeviceTag): string {
  return typeof raw === "boolean" && mapping.options.payload === "number"
    ? String(Number(raw))
    : plainText(raw);
}
