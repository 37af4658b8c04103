import { decodeReading, type PublishedReading } from "../../domain/reading.ts";
import type { TagPath } from "../../domain/tag-path.ts";

/** The last reading of one tag, in its wire form. */
export interface LastValue {
  readonly path: TagPath;
  json: string;
}

/**
 * The last reading of every tag: what a late MQTT subscriber gets as the retained message, and what fills the stream
 * LATEST again when nats-server lost it. Kept as strings: a Buffer of one slow tag would pin a pool slab of 8 KB.
 */
export class LastValues {
  readonly #byTopic = new Map<string, LastValue>();

  get size(): number {
    return this.#byTopic.size;
  }

  set(path: TagPath, json: string): void {
    const last = this.#byTopic.get(path.topic);
    if (last === undefined) this.#byTopic.set(path.topic, { path, json });
    else last.json = json;
  }

  get(topic: string): string | undefined {
    return this.#byTopic.get(topic)?.json;
  }

  entry(topic: string): LastValue | undefined {
    return this.#byTopic.get(topic);
  }

  /** As it was published. @param readAt of it, by the monotonic clock, in ms */
  reading(topic: string, readAt: number): PublishedReading | undefined {
    const last = this.#byTopic.get(topic);
    const reading = last && decodeReading(last.path, last.json, readAt);
    return reading && { reading, json: last.json, payload: Buffer.from(last.json) };
  }

  delete(topic: string): void {
    this.#byTopic.delete(topic);
  }

  topics(): IterableIterator<string> {
    return this.#byTopic.keys();
  }

  values(): IterableIterator<LastValue> {
    return this.#byTopic.values();
  }
}
