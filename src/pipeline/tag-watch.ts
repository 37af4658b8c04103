import type { WatchedReading } from "../adapter-kit/adapter.ts";
import type { Log } from "../adapter-kit/log.ts";
import { TagPath } from "../domain/tag-path.ts";
import type { Reading } from "../domain/reading.ts";
import { isolate } from "./isolate.ts";

/** Hands the readings of single tags to those who act on them, such as a camera that a press's cycle triggers. */
export class TagWatch {
  readonly #site: string;
  readonly #log: Log;
  /** By topic. */
  readonly #watchers = new Map<string, Set<(reading: WatchedReading) => void>>();

  constructor(site: string, log: Log) {
    this.#site = site;
    this.#log = log;
  }

  /** @param tag of this site, such as `press-1/cycle/done`. What `onReading` throws is logged and harms nobody. */
  watch(tag: string, onReading: (reading: WatchedReading) => void): () => void {
    const { topic } = new TagPath("data", this.#site, tag);
    const safe = isolate("watch", this.#log, onReading);
    const call = (reading: WatchedReading) => safe.next(reading);
    const watchers = this.#watchers.get(topic) ?? new Set();
    this.#watchers.set(topic, watchers.add(call));
    return () => {
      watchers.delete(call);
      if (watchers.size === 0 && this.#watchers.get(topic) === watchers) this.#watchers.delete(topic);
    };
  }

  /** The hot path: one look-up, none where nobody watches. */
  take(reading: Reading): void {
    if (this.#watchers.size === 0) return;
    const watchers = this.#watchers.get(reading.path.topic);
    if (watchers === undefined) return;
    for (const onReading of watchers) onReading(reading);
  }
}
