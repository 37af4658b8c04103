import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { Duration } from "../domain/duration.ts";
import { isAbort, toGatewayError } from "../domain/errors.ts";
import type { Dropped } from "../store/outbox-loss.ts";
import { policyOf, streamNames, type OutboxLimits, type StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import { incarnationName } from "./durable-stream.ts";
import type { Place } from "./hub-place.ts";
import { HubPositions, type Position } from "./hub-positions.ts";
import type { HubTaken } from "./hub-taken.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import type { NatsLink } from "./link.ts";
import {
  figuresOf,
  heldShare,
  isKeptWhole,
  type Away,
  type Figures,
  type StreamLook,
} from "./offline-figures.ts";
import type { OutboxPublisher } from "./outbox-publisher.ts";
import { Slope } from "./slope.ts";

const usualEveryMs = 10_000;
const answerWithinMs = 3_000;
/** Batches come every half minute or so: a rate over less time says little. */
const rateSpanMs = 600_000;
const rateLeastMs = 45_000;
const drainSpanMs = 60_000;
const drainLeastMs = 8_000;
/** What a message takes in a stream beside what it takes in the outbox: at most this, but for long ids of its own. */
const headerBytes = 128;

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
  readonly store: Pick<SqliteStateStore, "outbox" | "read" | "change" | "mark">;
  readonly publisher: Pick<OutboxPublisher, "incarnation" | "problem">;
  readonly link: Pick<NatsLink, "request" | "state" | "onRefill">;
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

/** What a look at a stream found. */
type SeenStream = Pick<StreamLook, "stream" | "streamRoom" | "isKeptWhole" | "oldest">;

const notSeen: SeenStream = {
  stream: { rows: 0, bytes: 0 },
  streamRoom: undefined,
  isKeptWhole: false,
  oldest: undefined,
};

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
  readonly #streams: Record<StreamName, SeenStream> = { EVENTS: notSeen, BATCHES: notSeen };
  /** What may still go into a stream before the next look; undefined before the first. */
  readonly #room: Record<StreamName, number | undefined> = { EVENTS: undefined, BATCHES: undefined };
  /** What waits in it for the hub, by what went in since the hub got further: its messages are not all alike. */
  readonly #tally = { EVENTS: { seq: -1, bytes: 0 }, BATCHES: { seq: -1, bytes: 0 } };
  readonly #stopping = new AbortController();
  #pause = new AbortController();
  /** There is a new connection, and no look since. */
  #isNew = false;
  #forget: (() => void) | undefined;
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

  /** Nothing more may go into the stream, beside so many bytes under way: what waits there for the hub would have to give way. */
  isHeld(stream: StreamName, underWay: number): boolean {
    const room = this.#room[stream];
    if (room !== undefined) return room <= underWay;
    const position = this.#positions.of(stream, this.#options.publisher.incarnation(stream));
    return this.#isKeptWhole(stream, position, Infinity);
  }

  /** So much went into it. */
  stored(stream: StreamName, bytes: number): void {
    const room = this.#room[stream];
    if (room !== undefined) this.#room[stream] = room - bytes - headerBytes;
    this.#tally[stream].bytes += bytes + headerBytes;
  }

  /** The store is open. */
  start(): void {
    this.#positions.load();
    // How full a stream is must be known before much goes into it.
    this.#forget ??= this.#options.link.onRefill((reason) => {
      if (reason !== "connected") return;
      this.#isNew = true;
      this.#pause.abort();
    });
    this.#running ??= this.#run();
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#pause.abort();
    this.#forget?.();
    await this.#running;
    await this.#positions.keep(true);
  }

  async #run(): Promise<void> {
    const { clock, log, everyMs = usualEveryMs } = this.#options;
    const { signal } = this.#stopping;
    for (let dueAt = clock.monotonic() + everyMs; !signal.aborted;) {
      try {
        this.#pause = new AbortController();
        const wait = Math.max(0, dueAt - clock.monotonic());
        if (!this.#isNew) await clock.sleep(wait, this.#pause.signal).catch(() => undefined);
        if (signal.aborted) return;
        const isDue = !this.#isNew;
        this.#isNew = false;
        if (isDue) dueAt = clock.monotonic() + everyMs;
        await (isDue ? this.#look() : this.#lookAtAll());
      } catch (caught) {
        if (isAbort(caught)) return;
        log.error({ error: toGatewayError(caught).message }, "What waits could not be looked at");
      }
    }
  }

  async #look(): Promise<void> {
    const { store, clock, hub, limits, onLook, publisher, link } = this.#options;
    const isHubSilent = await this.#lookAtAll();
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

  /** True where the hub is there and does not say what it has. */
  async #lookAtAll(): Promise<boolean> {
    let isHubSilent = false;
    for (const stream of streamNames) {
      const isKnown = await this.#lookAt(stream);
      if (!isKnown && this.#options.hub?.status.connected === true) isHubSilent = true;
    }
    return isHubSilent;
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
    const { hub, link, publisher, storeBytes, log } = this.#options;
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
      const share = rows === 0 ? 0 : Math.round((bytes * rows) / (last - first + 1));
      const waiting = { rows, bytes: this.#waitingBytes(stream, found.seq, share) };
      const streamRoom = info.config.max_bytes > 0 ? info.config.max_bytes : storeBytes();
      const oldest = rows === 0 ? undefined : await this.#storedAt(name, found.seq + 1);
      const keepsAll = this.#isKeptWhole(stream, found, last);
      this.#streams[stream] = { stream: waiting, streamRoom, isKeptWhole: keepsAll, oldest };
      this.#room[stream] = keepsAll ? streamRoom * heldShare - waiting.bytes : Infinity;
      return taken !== undefined;
    } catch (caught) {
      log.debug({ stream, error: toGatewayError(caught).message }, "A stream could not be looked at");
      return false;
    }
  }

  #isKeptWhole(stream: StreamName, position: Omit<Position, "incarnation">, last: number): boolean {
    const { hub, limits, publisher, store } = this.#options;
    if (hub === undefined) return false;
    const mark = store.mark(stream);
    const isSame = mark?.incarnation === publisher.incarnation(stream);
    const promised = isSame ? Math.min(mark.promised ?? 0, last) : 0;
    return isKeptWhole(policyOf(limits, stream), position, promised);
  }

  /** By its share of the messages, or by what is known to have gone in since, where that is more. */
  #waitingBytes(stream: StreamName, seq: number, share: number): number {
    const tally = this.#tally[stream];
    if (tally.seq !== seq || share === 0) this.#tally[stream] = { seq, bytes: share };
    return Math.max(share, this.#tally[stream].bytes);
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
