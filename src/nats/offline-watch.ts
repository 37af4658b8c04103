import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { Duration } from "../domain/duration.ts";
import { isAbort, toGatewayError } from "../domain/errors.ts";
import type { Dropped } from "../store/outbox-loss.ts";
import { policyOf, streamNames, type OutboxLimits, type StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import { incarnationName } from "./durable-stream.ts";
import type { Place } from "./hub-place.ts";
import { HubPositions } from "./hub-positions.ts";
import type { HubTaken } from "./hub-taken.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import type { NatsLink } from "./link.ts";
import { figuresOf, heldShare, type Away, type Figures, type StreamLook } from "./offline-figures.ts";
import type { OutboxPublisher } from "./outbox-publisher.ts";
import { Slope } from "./slope.ts";

const usualEveryMs = 10_000;
const answerWithinMs = 3_000;
/** Batches come every half minute or so: a rate over less time says little. */
const rateSpanMs = 600_000;
const rateLeastMs = 45_000;
const drainSpanMs = 60_000;
const drainLeastMs = 8_000;

/** Lost for want of room: in the outbox, or `stream`: JetStream dropped it before the hub had it. */
export type Lost = Dropped & { readonly stream: number };

/** How it stands with what waits to be sent. */
export interface Offline extends Figures {
  /** Unix ms of the look. */
  readonly at: number;
  readonly away: Away;
  /** Unix ms of the last change of `away`. */
  readonly since: number;
  /** Of what waits, bytes a second that become less; undefined where it does not become less. */
  readonly drainBytesPerSecond: number | undefined;
  /** Unix ms. */
  readonly drainedAt: number | undefined;
  /** To how long windows are made coarser; undefined: they are not. */
  readonly thinnedTo: Duration | undefined;
  readonly lost: Readonly<Record<StreamName, Lost>>;
  /** The hub is there but does not say what it has. */
  readonly isHubSilent: boolean;
  /** Why messages wait although nats-server is there. */
  readonly problem: string | undefined;
}

export interface OfflineWatchOptions {
  readonly store: Pick<SqliteStateStore, "outbox" | "read" | "change">;
  readonly publisher: Pick<OutboxPublisher, "incarnation" | "problem">;
  readonly link: Pick<NatsLink, "request" | "state">;
  /** Absent: what is in the local streams has arrived. */
  readonly hub?: HubTaken | undefined;
  readonly limits: OutboxLimits & {
    readonly batches: { readonly thinFrom: number; readonly thinTo: Duration };
  };
  /** Of a stream that has no limit of its own. */
  readonly storeBytes: () => number;
  /** After each look. */
  readonly onLook: (offline: Offline) => void;
  readonly everyMs?: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks now and then at what waits to be sent: in the outbox, and in the local streams for the hub. */
export class OfflineWatch {
  readonly #options: OfflineWatchOptions;
  readonly #api: JetStreamApi;
  readonly #positions: HubPositions;
  readonly #rates = {
    EVENTS: new Slope(rateSpanMs, rateLeastMs),
    BATCHES: new Slope(rateSpanMs, rateLeastMs),
  };
  readonly #drain: Slope = new Slope(drainSpanMs, drainLeastMs);
  readonly #streams: Record<StreamName, Pick<StreamLook, "stream" | "streamRoom"> & { oldest?: number }> = {
    EVENTS: { stream: { rows: 0, bytes: 0 }, streamRoom: undefined },
    BATCHES: { stream: { rows: 0, bytes: 0 }, streamRoom: undefined },
  };
  /** Of a stream with `newest`, what may still go into it before the next look. */
  readonly #room: Record<StreamName, number> = { EVENTS: Infinity, BATCHES: Infinity };
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #now: Offline | undefined;
  #away: Away | undefined;
  #since: number;
  #isThin = false;

  constructor(options: OfflineWatchOptions) {
    const { link, store, clock } = options;
    this.#options = options;
    this.#api = new JetStreamApi((subject, payload) => link.request(subject, payload, answerWithinMs));
    this.#positions = new HubPositions(store, clock);
    this.#since = clock.now();
  }

  /** As of the last look; undefined before the first. */
  get now(): Offline | undefined {
    return this.#now;
  }

  /** Up to where the hub is known to have the stream. */
  known(stream: StreamName): Place | undefined {
    return this.#positions.known(stream);
  }

  /** Nothing more may go into the stream: what waits there for the hub would have to give way. */
  isHeld(stream: StreamName): boolean {
    return this.#room[stream] <= 0;
  }

  /** So much went into it. */
  stored(stream: StreamName, bytes: number): void {
    this.#room[stream] -= bytes;
  }

  /** The store is open. */
  start(): void {
    this.#positions.load();
    this.#running ??= this.#run();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#positions.keep(true);
  }

  async #run(): Promise<void> {
    const { clock, log, everyMs = usualEveryMs } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await clock.sleep(everyMs, signal);
        await this.#look();
      } catch (caught) {
        if (isAbort(caught)) return;
        log.error({ error: toGatewayError(caught).message }, "What waits could not be looked at");
      }
    }
  }

  async #look(): Promise<void> {
    const { store, clock, hub, limits, onLook, publisher, link } = this.#options;
    let isHubSilent = false;
    for (const stream of streamNames) {
      const isKnown = await this.#lookAt(stream);
      if (!isKnown && hub?.status.connected === true) isHubSilent = true;
    }
    await this.#positions.keep(hub?.status.connected !== true);
    if (this.#stopping.signal.aborted) return;
    const at = clock.monotonic();
    for (const stream of streamNames) this.#rates[stream].add(at, store.outbox.offered(stream).bytes);
    const away = this.#awayNow();
    const looks = { EVENTS: this.#lookOf("EVENTS"), BATCHES: this.#lookOf("BATCHES") };
    const figures = figuresOf(looks, limits, away, hub !== undefined);
    this.#drain.add(at, figures.bytes);
    const slope = this.#drain.perSecond ?? 0;
    const drain = away === "none" && slope < 0 && figures.bytes > 0 ? -slope : undefined;
    this.#thin(figures.streams.BATCHES.fill * 100);
    this.#now = {
      ...figures,
      at: clock.now(),
      away,
      since: this.#since,
      drainBytesPerSecond: drain,
      drainedAt: drain === undefined ? undefined : clock.now() + (figures.bytes / drain) * 1_000,
      thinnedTo: this.#isThin ? limits.batches.thinTo : undefined,
      lost: { EVENTS: this.#lostOf("EVENTS"), BATCHES: this.#lostOf("BATCHES") },
      isHubSilent,
      problem: link.state === "connected" ? publisher.problem : undefined,
    };
    onLook(this.#now);
  }

  #awayNow(): Away {
    const { link, publisher, hub, clock } = this.#options;
    const isStored = link.state === "connected" && publisher.problem === undefined;
    const away = !isStored ? "nats" : hub?.status.connected === false ? "hub" : "none";
    if (away !== this.#away) this.#since = clock.now();
    this.#away = away;
    return away;
  }

  /** False where it is not known now what the hub has of it. */
  async #lookAt(stream: StreamName): Promise<boolean> {
    const { hub, link, publisher, limits, storeBytes, log } = this.#options;
    if (hub === undefined || link.state !== "connected") return false;
    try {
      const incarnation = publisher.incarnation(stream);
      const name = incarnationName(stream, incarnation);
      const info = await this.#api.streamInfo(name);
      if (info === undefined) return false;
      const { first_seq: first, last_seq: last, bytes } = info.state;
      const taken = await hub.taken(stream, incarnation, last).catch(() => undefined);
      const found = this.#positions.follow(stream, {
        incarnation,
        first,
        last,
        taken,
        linked: hub.status.connected,
      });
      if (found.lost > 0)
        log.error(
          { stream, messages: found.lost },
          "The stream is full: messages that the hub does not have yet were dropped",
        );
      const rows = Math.max(0, last - found.seq);
      const waiting = { rows, bytes: rows === 0 ? 0 : Math.round((bytes * rows) / (last - first + 1)) };
      const streamRoom = info.config.max_bytes > 0 ? info.config.max_bytes : storeBytes();
      const oldest = rows === 0 ? undefined : await this.#storedAt(name, found.seq + 1);
      this.#streams[stream] = { stream: waiting, streamRoom, ...(oldest === undefined ? {} : { oldest }) };
      const mayHold = policyOf(limits, stream) === "newest" && found.isKnown;
      this.#room[stream] = mayHold ? streamRoom * heldShare - waiting.bytes : Infinity;
      return taken !== undefined;
    } catch (caught) {
      log.debug({ stream, error: toGatewayError(caught).message }, "A stream could not be looked at");
      return false;
    }
  }

  #storedAt(name: string, seq: number): Promise<number | undefined> {
    return this.#api.nextMessage(name, ">", seq).then((message) => {
      const at = Date.parse(message?.time ?? "");
      return Number.isNaN(at) ? undefined : at;
    });
  }

  #lookOf(stream: StreamName): StreamLook {
    const { outbox } = this.#options.store;
    const { oldest: stored, ...rest } = this.#streams[stream];
    const queued = outbox.oldest(stream);
    const oldest = Math.min(stored ?? Infinity, queued ?? Infinity);
    return {
      ...rest,
      outbox: { ...outbox.backlog(stream) },
      oldest: oldest === Infinity ? undefined : oldest,
      bytesPerSecond: this.#rates[stream].perSecond,
    };
  }

  #lostOf(stream: StreamName): Lost {
    return { ...this.#options.store.outbox.dropped(stream), stream: this.#positions.lost(stream) };
  }

  #thin(percentFull: number): void {
    const { limits } = this.#options;
    if (policyOf(limits, "BATCHES") !== "thin") return;
    const { thinFrom } = limits.batches;
    this.#isThin = percentFull >= (this.#isThin ? Math.max(0.5, thinFrom - 10) : thinFrom);
  }
}
