import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { toGatewayError } from "../domain/errors.ts";
import type { OutboxRow, StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import type { StreamMark } from "../store/stream-mark.ts";
import { incarnationName } from "./durable-stream.ts";
import type { HubAsk } from "./hub-asks.ts";
import { moveAway, seen } from "./hub-side.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import type { NatsLink } from "./link.ts";
import {
  laneAfter,
  mostWaiting,
  newLane,
  nextToSend,
  readFrom,
  type Lane,
  type LaneInput,
  type Window,
} from "./outbox-lane.ts";
import { readPubAck, type PubAck } from "./pub-ack.ts";
import { reconcile, type ReconcileOptions } from "./reconcile.ts";
import { numberHeader } from "../store/outbox-header.ts";

const requestWithinMs = 3_000;
/** Sent and not answered for so long: what the stream has is looked up, and the rest sent again. */
const answerWithinMs = 5_000;
const refusedPauseMs = 500;
/** A message that goes out later than this after its commit says so. */
const lateMs = 1_000;
const queuedHeader = "Linegate-Queued-Ms";

const oneByOne: Window = { messages: 1, bytes: 0 };

/** No stream's name can hold a blank. */
const noStream = "none at all";

/** Of the stream's reply: 10054, larger than the stream takes. */
const tooLarge = 10_054;

/** Holds messages of a stream back in the outbox. */
export interface OutboxGate {
  /** `underWay`: the bytes that are sent and not acknowledged. */
  isHeld(stream: StreamName, underWay: number): boolean;
  /** The stream has taken so much. */
  stored(stream: StreamName, bytes: number): void;
}

export interface SenderOptions {
  readonly stream: StreamName;
  readonly store: Pick<SqliteStateStore, "outbox" | "mark" | "setMark" | "requeue">;
  readonly link: Pick<NatsLink, "publishKept" | "request" | "serverId" | "state">;
  /** See OutboxPublisherOptions. */
  readonly isSourced?: boolean;
  readonly window: Window;
  /** See OutboxPublisherOptions. */
  readonly isTight: () => boolean;
  readonly gate?: OutboxGate;
  readonly storeBytes: () => number;
  /** Whether the server has synced what it acknowledges. */
  readonly syncsAtAck: () => boolean;
  /** Where an answer is sent, before `.<n>.<generation>`. */
  readonly inbox: string;
  /** The highest number that the outbox had given when the gateway, or the present nats-server, was started. */
  readonly lastOfBefore: () => number;
  /** Something may be sent, of this stream or of another. */
  readonly onReady: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Brings the messages of one stream from the outbox into it, each once and in order. */
export class OutboxSender {
  readonly counters = { acknowledged: 0, resent: 0, refused: 0 };
  readonly #options: SenderOptions;
  readonly #api: JetStreamApi;
  readonly #rows = new Map<number, OutboxRow>();
  readonly #stopping = new AbortController();
  #lane: Lane = newLane;
  #mark: StreamMark | undefined;
  /** What the hub has asked this nats-server for. */
  #asked: { readonly server: string; readonly asks: Map<number, number> } | undefined;
  /** The incarnations of those that came while the stream was looked up, or before: the look may have missed it. */
  readonly #unjudged = new Set<number>();
  #opening: Promise<void> | undefined;
  /** Grows with each reason to look the stream up anew. */
  #lookups = 0;
  /** The monotonic clock at the last answer, or at the first message that waits for one. */
  #heardAt = 0;
  /** The highest number sent so far: what is sent below it is sent again. */
  #sentUpTo = 0;
  #problem: string | undefined;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#api = new JetStreamApi((subject, payload, headers) =>
      options.link.request(subject, payload, requestWithinMs, headers),
    );
  }

  /** Why nothing is sent although there is a connection; undefined where it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Something waits that could be sent at once. */
  get isBusy(): boolean {
    return !this.#isHeld && this.#lane.open && (this.#lane.waiting.length > 0 || this.#lane.more);
  }

  get isFlying(): boolean {
    return this.#lane.flying.length > 0;
  }

  get incarnation(): number {
    const { store, stream } = this.#options;
    return (this.#mark ?? store.mark(stream))?.incarnation ?? 1;
  }

  /** There is a new connection: nothing of the last one is certain. */
  reopen(): void {
    this.#lookups += 1;
    this.#step({ kind: "closed" });
    this.#rows.clear();
    void this.#open();
  }

  committed(rows: readonly OutboxRow[]): void {
    for (const row of rows) this.#rows.set(row.n, row);
    this.#step({ kind: "committed", items: rows });
    const { known, open } = this.#lane;
    for (const { n } of rows) if (!open || n > known) this.#rows.delete(n);
    if ((!open && this.#problem !== undefined) || (this.#isHeld && this.#options.stream === "EVENTS"))
      this.#sayOnly(rows);
  }

  /** Sends what may be sent. True where it all went, or waits for answers only. */
  pump(): void {
    for (;;) {
      if (this.#isHeld) return;
      this.#read();
      const { isTight, window } = this.#options;
      const item = nextToSend(this.#lane, isTight() ? oneByOne : window);
      if (item === undefined) return;
      const row = this.#rows.get(item.n);
      if (row === undefined) this.#step({ kind: "done", n: item.n });
      else if (!this.#send(row)) return;
    }
  }

  /** One answer, as it came to `<inbox>.<n>.<generation>`. */
  answered(n: number, generation: number, data: Uint8Array): void {
    this.#heardAt = this.#options.clock.monotonic();
    const answer = readPubAck(data);
    if (answer?.seq !== undefined && answer.error === undefined) {
      // Another gateway on the same server has opened the next incarnation: what that holds is looked up.
      if (answer.stream === incarnationName(this.#options.stream, this.incarnation))
        this.#acknowledged(n, answer.seq);
      else this.reopen();
    } else if (answer?.error?.err_code === tooLarge) this.#drop(n);
    else if (generation === this.#lane.generation) this.#refusedBy(n, generation, answer);
  }

  /** The hub asks for what comes after that: it has no more than it can have, or this is not the stream that it knows. */
  hubAsks({ incarnation, has }: HubAsk): void {
    const server = this.#options.link.serverId ?? "";
    if (this.#asked?.server !== server) {
      this.#asked = { server, asks: new Map() };
      this.#unjudged.clear();
    }
    this.#asked.asks.set(incarnation, has);
    this.#unjudged.add(incarnation);
    if (this.#lane.open) this.#judgeAsks();
  }

  /** Once a second. */
  tick(): void {
    const { link, clock, stream, log } = this.#options;
    if (link.state !== "connected") return;
    if (!this.#lane.open) return void this.#open();
    if (this.#lane.flying.length === 0 || clock.monotonic() - this.#heardAt < answerWithinMs) return;
    log.warn(
      { stream, unanswered: this.#lane.flying.length },
      "nats-server does not answer: what it has is looked up",
    );
    this.reopen();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#step({ kind: "closed" });
    await this.#opening;
  }

  /** What was not judged yet, by the stream as it is known now. */
  #judgeAsks(): void {
    const { link, store, stream } = this.#options;
    if (this.#mark === undefined || this.#unjudged.size === 0) return;
    if (this.#asked === undefined || this.#asked.server !== link.serverId) return;
    const isAsked = this.#unjudged.has(this.#mark.incarnation);
    this.#unjudged.clear();
    if (moveAway(this.#mark, this.#asked.asks, this.#mark.acked) !== undefined) this.reopen();
    else if (isAsked) {
      this.#mark = seen(this.#mark);
      void store.setMark(stream, this.#mark);
    }
  }

  get #isHeld(): boolean {
    const { gate, stream } = this.#options;
    if (gate === undefined) return false;
    return gate.isHeld(
      stream,
      this.#lane.flying.reduce((sum, { bytes }) => sum + bytes, 0),
    );
  }

  #step(input: LaneInput): void {
    this.#lane = laneAfter(this.#lane, input);
  }

  #open(): Promise<void> {
    this.#opening ??= this.#tryOpen().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** What comes between, such as another connection, makes the answers worthless. */
  async #tryOpen(): Promise<void> {
    let lookup: number;
    do {
      lookup = this.#lookups;
      // One after the other: that is what this loop is for.
      await this.#lookUp(lookup);
    } while (lookup !== this.#lookups && !this.#stopping.signal.aborted);
  }

  async #lookUp(lookup: number): Promise<void> {
    const { stream, log, storeBytes, syncsAtAck, link } = this.#options;
    try {
      const keep = !syncsAtAck();
      const hub = this.#hub();
      const mark = await reconcile({
        ...this.#options,
        api: this.#api,
        storeBytes: storeBytes(),
        keep,
        hub,
      });
      if (this.#stopping.signal.aborted || lookup !== this.#lookups) return;
      this.#mark = mark;
      this.#problem = undefined;
      this.#step({ kind: "opened" });
      this.#judgeAsks();
      this.#options.onReady();
    } catch (caught) {
      const problem = toGatewayError(caught).message;
      if (problem !== this.#problem && link.state === "connected" && !this.#stopping.signal.aborted)
        log.warn({ stream, error: problem }, "The stream can't be reached: its messages wait in the outbox");
      this.#problem = problem;
    }
  }

  #hub(): ReconcileOptions["hub"] {
    const { isSourced, link, lastOfBefore } = this.#options;
    const { serverId: server } = link;
    if (isSourced !== true || server === undefined) return undefined;
    const asks = this.#asked?.server === server ? this.#asked.asks : new Map<number, number>();
    return { server, asks, lastOfBefore: lastOfBefore() };
  }

  #read(): void {
    const from = readFrom(this.#lane);
    if (from === undefined) return;
    const rows = this.#options.store.outbox.read(this.#options.stream, from, mostWaiting / 2);
    for (const row of rows) this.#rows.set(row.n, row);
    this.#step({ kind: "page", items: rows, more: rows.length === mostWaiting / 2 });
  }

  #send(row: OutboxRow): boolean {
    const { link, clock, inbox, store } = this.#options;
    const payload = row.live === undefined ? row.payload : Buffer.from(row.live());
    const lateBy = clock.now() - row.queuedAt;
    const sent = link.publishKept(
      row.subject,
      payload,
      {
        ...row.headers,
        "Nats-Msg-Id": row.id,
        [numberHeader]: String(row.n),
        ...(lateBy > lateMs ? { [queuedHeader]: String(Math.round(lateBy)) } : {}),
      },
      `${inbox}.${row.n}.${this.#lane.generation}`,
    );
    if (sent === "disconnected") this.#step({ kind: "closed" });
    if (sent === "oversized") {
      store.outbox.refuse(row);
      this.#forget(row.n);
      return true;
    }
    if (sent !== "sent") return false;
    if (this.#lane.flying.length === 0) this.#heardAt = clock.monotonic();
    if (row.n <= this.#sentUpTo) this.counters.resent += 1;
    this.#sentUpTo = Math.max(this.#sentUpTo, row.n);
    this.#step({ kind: "sent", item: row });
    return true;
  }

  /** No stream takes it now, as on a server without JetStream: who listens hears it all the same, and no stream stores it. */
  #sayOnly(rows: readonly OutboxRow[]): void {
    for (const { subject, payload, live, headers, id } of rows) {
      const fields = { ...headers, "Nats-Msg-Id": id, "Nats-Expected-Stream": noStream };
      this.#options.link.publishKept(subject, live === undefined ? payload : Buffer.from(live()), fields);
    }
  }

  #acknowledged(n: number, seq: number): void {
    const row = this.#rows.get(n);
    if (row === undefined || this.#mark === undefined) return;
    const { store, stream, syncsAtAck } = this.#options;
    const { bytes, isPromised } = row;
    this.#mark = store.outbox.settle(stream, { n, bytes, isPromised, seq }, this.#mark, !syncsAtAck());
    this.counters.acknowledged += 1;
    this.#options.gate?.stored(stream, bytes);
    this.#forget(n);
    this.#options.onReady();
  }

  #drop(n: number): void {
    const row = this.#rows.get(n);
    if (row !== undefined) this.#options.store.outbox.refuse(row);
    this.#forget(n);
    this.#options.onReady();
  }

  #refusedBy(n: number, generation: number, answer: PubAck | undefined): void {
    const { stream, log, clock } = this.#options;
    this.counters.refused += 1;
    const why = answer?.error?.description ?? "no stream takes it";
    if (this.#problem === undefined)
      log.warn({ stream, error: why }, "JetStream refuses a message: it is sent again");
    this.#problem = why;
    // Nobody there to answer: the stream is gone.
    if (answer === undefined) return this.reopen();
    const wasPaused = this.#lane.paused;
    this.#step({ kind: "refused", n, generation });
    if (wasPaused || !this.#lane.paused) return;
    void clock.sleep(refusedPauseMs, this.#stopping.signal).then(
      () => {
        if (generation !== this.#lane.generation) return;
        this.#step({ kind: "again" });
        this.#options.onReady();
      },
      () => undefined,
    );
  }

  #forget(n: number): void {
    this.#rows.delete(n);
    this.#step({ kind: "done", n });
    if (!this.#lane.careful && this.#lane.refused.size === 0) this.#problem = undefined;
  }
}
