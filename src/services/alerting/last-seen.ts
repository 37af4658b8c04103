import type { PublishedReading } from "../../domain/reading.ts";
import type { AlertIndex } from "./alert-index.ts";
import type { Seen } from "./leaf.ts";

export type SeenReading = Extract<Seen, { readonly kind: "reading" }>;

/** What alerts look at, as it was seen last: readings of their tags, and which devices are there. */
export class LastSeen {
  readonly #recall: (topic: string) => PublishedReading | undefined;
  readonly #readings = new Map<string, SeenReading>();
  readonly #online = new Map<string, boolean>();

  /** @param recall the last reading of a tag, by its topic, as far as it is known here */
  constructor(recall: (topic: string) => PublishedReading | undefined) {
    this.#recall = recall;
  }

  /** By the tag. */
  get readings(): ReadonlyMap<string, SeenReading> {
    return this.#readings;
  }

  /** The hot path. */
  read(tag: string, published: PublishedReading): SeenReading {
    const seen = seenReading(tag, published, this.#readings.get(tag));
    this.#readings.set(tag, seen);
    return seen;
  }

  device(device: string, online: boolean): void {
    this.#online.set(device, online);
  }

  /** Undefined: nothing was heard of it yet. */
  isOnline(device: string): boolean | undefined {
    return this.#online.get(device);
  }

  /** How things stand with what these alerts look at: of a tag that stands still nothing comes for long. */
  known(names: ReadonlySet<string>, { tags, devices }: AlertIndex): ReadonlyMap<string, readonly Seen[]> {
    const known = new Map([...names].map((name): [string, Seen[]] => [name, []]));
    const add = (alerts: readonly string[], seen: Seen) => {
      for (const name of alerts) known.get(name)?.push(seen);
    };
    for (const [topic, { tag, alerts }] of tags) {
      if (!alerts.some((name) => names.has(name))) continue;
      const last = this.#readings.get(tag) ?? this.#recalled(tag, topic);
      if (last !== undefined) add(alerts, { ...last, recalled: true });
    }
    for (const [device, online] of this.#online)
      add(devices.get(device) ?? [], { kind: "device", device, online });
    return known;
  }

  /** Forgets tags that no alert looks at any more. */
  keep({ tags }: AlertIndex): void {
    const kept = new Set([...tags.values()].map(({ tag }) => tag));
    for (const tag of this.#readings.keys()) if (!kept.has(tag)) this.#readings.delete(tag);
  }

  #recalled(tag: string, topic: string): SeenReading | undefined {
    const published = this.#recall(topic);
    return published && this.read(tag, published);
  }
}

/** What is recalled and no newer than what was seen before tells nothing new. */
function seenReading(
  tag: string,
  { reading, recalled }: PublishedReading,
  before: SeenReading | undefined,
): SeenReading {
  const { value, quality, timestamp } = reading;
  const seen = { kind: "reading", tag, value, quality, timestamp } as const;
  const isOld = recalled === true && timestamp <= (before?.timestamp ?? Infinity);
  return isOld ? { ...seen, recalled } : seen;
}
