import type { Clock } from "../adapter-kit/clock.ts";
import type { DeviceMapping, TagMapping } from "../adapter-kit/mapping.ts";
import type { LossStatus, Quality, Reading, Sample, TagValue } from "../domain/reading.ts";
import { isPath } from "../domain/tag-path.ts";
import { leavesBand } from "./deadband.ts";
import type { Sequences } from "./sequences.ts";
import { tagState, type TagState } from "./tag-state.ts";

/** A wildcard makes at most this many tags of one mapping entry, so that a hostile topic can't grow the gateway. */
export const mostTagsPerTemplate = 10_000;

export interface NormaliserOptions {
  readonly site: string;
  readonly clock: Clock;
  readonly sequences: Sequences;
  /** Takes each reading that is to be published; must not throw. */
  readonly publish: (reading: Reading) => void;
  /** Counted on from here, so that the figures of a device outlive its restart. */
  readonly counters: NormaliserCounters;
}

export interface NormaliserCounters {
  /** Readings published. */
  readings: number;
  /** Those of them with quality bad. */
  bad: number;
  /** Samples held back by a deadband. */
  suppressed: number;
  /** Samples of tags that no mapping knows, or beyond what a template may make. */
  unknown: number;
}

export function noReadings(): NormaliserCounters {
  return { readings: 0, bad: 0, suppressed: 0, unknown: 0 };
}

/** Sample → Reading for one device: scale, unit, deadband, quality, timestamps, sequence, name. */
export class Normaliser {
  readonly counters: NormaliserCounters;
  readonly #device: DeviceMapping;
  readonly #options: NormaliserOptions;
  readonly #tags = new Map<string, TagState>();
  readonly #templates = new Map<string, { mapping: TagMapping; made: number }>();

  constructor(device: DeviceMapping, options: NormaliserOptions) {
    this.#device = device;
    this.#options = options;
    this.counters = options.counters;
    for (const mapping of device.tags) {
      if (mapping.name.includes("{")) this.#templates.set(mapping.name, { mapping, made: 0 });
      else this.#add(mapping.name, mapping);
    }
  }

  /** The running tags, those made from templates included. */
  tags(): Iterable<TagState> {
    return this.#tags.values();
  }

  /** The running tag of that name, such as `ram/pressure`. */
  tag(name: string): TagState | undefined {
    return this.#tags.get(name);
  }

  /** Goes on with the tags that an earlier mapping's templates made, where this mapping has the same templates. */
  adopt(before: Normaliser): void {
    for (const { name, mapping } of before.tags()) {
      if (!this.#tags.has(name)) this.#make(name, mapping.name);
    }
  }

  /** The hot path: publishes what the samples say, unless a deadband holds it back. */
  accept(samples: readonly Sample[]): void {
    const now = this.#options.clock.now();
    const at = this.#options.clock.monotonic();
    for (const sample of samples) {
      const tag = this.#tags.get(sample.tag) ?? this.#fromTemplate(sample);
      if (tag === undefined) {
        this.counters.unknown += 1;
        continue;
      }
      tag.sampledAt = at;
      this.#take(tag, sample, now, at);
    }
  }

  /** Starts the stale limits anew, as when data begins to flow. */
  watchFrom(at: number): void {
    for (const tag of this.#tags.values()) tag.sampledAt = at;
  }

  /** Marks each tag bad whose samples stopped coming for longer than its stale limit. */
  markStale(at: number): void {
    for (const tag of this.#tags.values()) {
      const { stale } = tag.mapping;
      if (stale !== undefined && at - tag.sampledAt > stale) this.#markBad(tag, "Stale", at);
    }
  }

  /** One bad reading for every tag that is not bad already for the same reason. */
  markAllBad(status: LossStatus): void {
    const at = this.#options.clock.monotonic();
    for (const tag of this.#tags.values()) this.#markBad(tag, status, at);
  }

  #markBad(tag: TagState, status: LossStatus, at: number): void {
    if (tag.published?.quality === "bad" && tag.published.status === status) return;
    this.#publish(tag, null, "bad", status, this.#options.clock.now(), at);
  }

  #take(tag: TagState, sample: Sample, now: number, at: number): void {
    let { quality, status } = sample;
    let value: TagValue | null = null;
    if (quality !== "bad" && sample.value !== null) {
      value = tag.scale(sample.value);
      if (typeof value === "number" && !Number.isFinite(value)) {
        value = null;
        quality = "bad";
        status = "NotANumber";
      }
    }
    const { published } = tag;
    const { deadband } = tag.mapping;
    if (
      deadband !== undefined &&
      published !== undefined &&
      published.quality === quality &&
      published.status === status &&
      at - published.at < deadband.republish &&
      !leavesBand(deadband, published.value, value)
    ) {
      this.counters.suppressed += 1;
      return;
    }
    this.#publish(tag, value, quality, status, sample.sourceTimestamp ?? now, at);
  }

  #publish(
    tag: TagState,
    value: TagValue | null,
    quality: Quality,
    status: string | undefined,
    timestamp: number,
    at: number,
  ): void {
    this.counters.readings += 1;
    if (quality === "bad") this.counters.bad += 1;
    const { published } = tag;
    if (published === undefined) tag.published = { value, quality, status, at };
    else {
      published.value = value;
      published.quality = quality;
      published.status = status;
      published.at = at;
    }
    tag.sequence.last += 1;
    this.#options.publish({
      path: tag.path,
      value,
      quality,
      status,
      timestamp,
      unit: tag.mapping.unit,
      integerType: tag.integerType,
      sequence: tag.sequence.last,
      readAt: at,
    });
  }

  #add(name: string, mapping: TagMapping): TagState {
    const tag = tagState(name, mapping, this.#device.device, this.#options.site, this.#options.sequences);
    this.#tags.set(name, tag);
    return tag;
  }

  #fromTemplate(sample: Sample): TagState | undefined {
    return sample.template === undefined ? undefined : this.#make(sample.tag, sample.template);
  }

  #make(name: string, templateName: string): TagState | undefined {
    const template = this.#templates.get(templateName);
    if (template === undefined || template.made >= mostTagsPerTemplate || !isPath(name)) return undefined;
    template.made += 1;
    return this.#add(name, template.mapping);
  }
}
