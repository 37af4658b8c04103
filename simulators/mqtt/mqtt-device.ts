import type { TagMapping } from "../../src/adapter-kit/mapping.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { compileScaling } from "../../src/normalise/scaling.ts";
import { rawOf } from "../site/raw-value.ts";
import type { SimulatedDevice } from "../site/simulated-device.ts";
import type { MqttDeviceMapping, MqttTagOptions } from "./mapping.ts";
import { withPointer } from "./pointer.ts";
import { filledIn, instancesOf } from "./wildcards.ts";

/** One MQTT message that a device sends. */
export interface DeviceMessage {
  readonly topic: string;
  readonly payload: string;
}

interface DeviceTag {
  readonly name: string;
  readonly mapping: TagMapping<MqttTagOptions>;
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
  #frame: ((sequence: number) => object) | undefined;

  constructor(mapping: MqttDeviceMapping) {
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

  frame(build: (sequence: number) => object): void {
    this.#frame = build;
  }

  /** What it sends now: one message a topic. `now` in ms since the Unix epoch. */
  messages(now: number): readonly DeviceMessage[] {
    const byTopic = Map.groupBy(this.tags, ({ topic }) => topic);
    return [...byTopic].flatMap(([topic, tags]) => {
      const payload = this.#payload(topic, tags, now);
      return payload === undefined ? [] : [{ topic, payload }];
    });
  }

  #payload(topic: string, tags: readonly DeviceTag[], now: number): string | undefined {
    const documentTags = tags.filter(({ mapping }) => mapping.options.pointer !== undefined);
    if (documentTags.length === 0) {
      const raw = tags[0]?.raw;
      return raw === undefined ? undefined : String(raw);
    }
    const sequence = (this.#sent.get(topic) ?? 0) + 1;
    this.#sent.set(topic, sequence);
    let document: unknown = this.#frame?.(sequence) ?? {};
    for (const { mapping, raw } of documentTags) {
      const { pointer = "", timestamp } = mapping.options;
      if (raw === undefined) continue;
      document = withPointer(document, pointer, typeof raw === "bigint" ? Number(raw) : raw);
      if (timestamp !== undefined)
        document = withPointer(document, timestamp.pointer, new Date(now).toISOString());
    }
    return JSON.stringify(document);
  }
}
