import { Subject, type Observable } from "rxjs";
import type { Clock } from "../../adapter-kit/clock.ts";
import { decodeReading, type PublishedReading, type Reading } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import { JetStreamApi } from "../../nats/jetstream-api.ts";
import type { NatsLink } from "../../nats/link.ts";

const requestWithinMs = 2_000;

export interface RemoteReadingsOptions {
  readonly site: string;
  readonly link: Pick<NatsLink, "subscribe" | "request">;
  readonly clock: Clock;
}

interface Followed {
  readonly path: TagPath;
  readonly stop: () => void;
  last?: Reading;
  /** False where readings may have been missed since the last one. */
  sure: boolean;
  /** LATEST was asked since then. */
  asked: boolean;
}

/**
 * The readings of the tags that a service is about, over NATS: published ones, and after every gap the last one out of
 * LATEST. A tag of which nothing is heard while NATS or the gateway is away is bad, as that of a lost device is.
 */
export class RemoteReadings {
  readonly #options: RemoteReadingsOptions;
  readonly #readings = new Subject<PublishedReading>();
  readonly #api: JetStreamApi;
  readonly #followed = new Map<string, Followed>();

  constructor(options: RemoteReadingsOptions) {
    this.#options = options;
    this.#api = new JetStreamApi((subject, payload) =>
      options.link.request(subject, payload, requestWithinMs),
    );
  }

  get readings$(): Observable<PublishedReading> {
    return this.#readings;
  }

  /** From now on these tags and no others, such as `press-1/cycle/done`. */
  follow(tags: ReadonlySet<string>): void {
    const paths = new Map([...tags].map((tag) => [tag, new TagPath("data", this.#options.site, tag)]));
    for (const [tag, { stop }] of this.#followed) {
      if (paths.has(tag)) continue;
      stop();
      this.#followed.delete(tag);
    }
    for (const [tag, path] of paths) {
      if (this.#followed.has(tag)) continue;
      const stop = this.#options.link.subscribe(path.subject, ({ data }) => this.#take(tag, data));
      this.#followed.set(tag, { path, stop, sure: false, asked: false });
    }
  }

  /** Asks LATEST for the tags that nothing was heard of since the last gap. Rejects with UPLINK_UNAVAILABLE. */
  async recall(): Promise<void> {
    for (const [tag, followed] of this.#followed) {
      if (followed.sure || followed.asked) continue;
      const held = await this.#api.lastPayload("LATEST", followed.path.subject);
      followed.asked = true;
      if (held !== "" && !followed.sure) this.#take(tag, Buffer.from(held));
    }
  }

  /** From here on something may be missed: what was good is not any more. */
  lose(): void {
    for (const followed of this.#followed.values()) {
      const { last, sure, path } = followed;
      followed.asked = false;
      followed.sure = false;
      if (last === undefined || !sure) continue;
      const { clock } = this.#options;
      const gone = { value: null, quality: "bad", status: "GatewayAway" } as const;
      const { sequence } = last;
      this.#tell({ path, ...gone, timestamp: clock.now(), sequence, readAt: clock.monotonic() });
    }
  }

  stop(): void {
    this.follow(new Set());
    this.#readings.complete();
  }

  #take(tag: string, data: Uint8Array): void {
    const followed = this.#followed.get(tag);
    if (followed === undefined) return;
    const { last, sure, path } = followed;
    const reading = decodeReading(path, Buffer.from(data).toString(), this.#options.clock.monotonic());
    if (reading === undefined) return;
    // The gateway fills LATEST again with what it published before: that is nothing new.
    if (sure && last?.sequence === reading.sequence && last.timestamp === reading.timestamp) return;
    followed.last = reading;
    followed.sure = true;
    this.#tell(reading, !sure);
  }

  #tell(reading: Reading, recalled = false): void {
    const told = { reading, json: "", payload: Buffer.alloc(0) };
    this.#readings.next(recalled ? { ...told, recalled } : told);
  }
}
