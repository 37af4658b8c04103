import { createInbox } from "@nats-io/transport-node";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { toGatewayError } from "../domain/errors.ts";
import type { Metric } from "../observability/exposition.ts";
import { streamNames, type OutboxRow, type StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import { asksSubject, readAsk } from "./hub-asks.ts";
import type { NatsLink } from "./link.ts";
import type { Window } from "./outbox-lane.ts";
import { outboxMetrics } from "./outbox-metrics.ts";
import { OutboxSender, type OutboxGate } from "./outbox-sender.ts";

/**
 * Events go out at once, many at a time: somebody waits for them; one at a time where the disk is nearly full. Of bulk one message at a time is under way: none overtakes
 * another whatever the server refuses, and live readings find an empty socket.
 */
const windows: Readonly<Record<StreamName, Window>> = {
  EVENTS: { messages: 256, bytes: 1_000_000 },
  BATCHES: { messages: 1, bytes: 1_000_000 },
};
const tickMs = 1_000;
/** nats-server 2.9 syncs every two minutes, and there is no setting for it. */
const syncedAfterMs = 150_000;
const releaseEveryMs = 10_000;
const farewellMs = 500;
const farewellStepMs = 5;

export interface OutboxPublisherOptions {
  readonly store: Pick<SqliteStateStore, "outbox" | "mark" | "setMark" | "requeue" | "release">;
  readonly link: Pick<NatsLink, "publishKept" | "request" | "subscribe" | "onRefill" | "serverId" | "state">;
  /** Where a stream must not be filled up. */
  readonly gate?: OutboxGate;
  /** Whether the disk is so full that JetStream may refuse a message and take the next: then one at a time is sent. */
  readonly isTight: () => boolean;
  /** Whether a hub sources the streams; absent: none does. */
  readonly isSourced?: boolean;
  /** Absent: all of them. */
  readonly streams?: readonly StreamName[];
  /** What JetStream may keep on disk in all. */
  readonly storeBytes: () => number;
  /** Whether the server has synced what it acknowledges (`sync_interval: always`). */
  readonly syncsAtAck: () => boolean;
  /** Else: how long after the ack it surely has. */
  readonly syncedAfterMs?: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Brings what is in the outbox to the local JetStream: events ahead of bulk, in the same turn in which they are committed. */
export class OutboxPublisher {
  readonly #options: OutboxPublisherOptions;
  readonly #senders: readonly (readonly [StreamName, OutboxSender])[];
  readonly #inbox = createInbox();
  readonly #stopping = new AbortController();
  readonly #undo: (() => void)[] = [];
  #isPumping = false;
  /** The highest number that the outbox had given when the gateway, or the present nats-server, was started. */
  #lastOfBefore = 0;
  #serverId: string | undefined;
  /** Since then (monotonic clock) the server has not been another one. */
  #serverSince: number;
  #running: Promise<void> | undefined;

  constructor(options: OutboxPublisherOptions) {
    this.#options = options;
    this.#serverSince = options.clock.monotonic();
    this.#senders = (options.streams ?? streamNames).map((stream) => {
      const sender = new OutboxSender({
        ...options,
        stream,
        window: windows[stream],
        inbox: `${this.#inbox}.${stream}`,
        lastOfBefore: () => this.#lastOfBefore,
        onReady: () => this.#pump(),
      });
      return [stream, sender] as const;
    });
  }

  /** From now on, with each connect and each commit; the store has just been opened. */
  start(): void {
    const { link, store } = this.#options;
    this.#lastOfBefore = store.outbox.last;
    this.#undo.push(
      link.subscribe(`${this.#inbox}.>`, ({ subject, data }) => this.#answered(subject, data)),
      link.onRefill((reason) => {
        if (reason === "connected") this.#connected();
      }),
      store.outbox.onCommitted((rows) => this.#committed(rows)),
    );
    if (this.#options.isSourced === true)
      this.#undo.push(
        link.subscribe(asksSubject, ({ data }) => {
          const ask = readAsk(data);
          if (ask !== undefined) this.#sender(ask.stream)?.hubAsks(ask);
        }),
      );
    if (link.state === "connected") this.#connected();
    this.#running ??= this.#run();
  }

  /** Answers that are about to come are waited for; what is not acknowledged then stays in the outbox. Idempotent. */
  async stop(): Promise<void> {
    const { clock, link } = this.#options;
    const until = clock.monotonic() + farewellMs;
    while (this.#isFlying && link.state === "connected" && clock.monotonic() < until)
      await clock.sleep(farewellStepMs);
    this.#stopping.abort();
    for (const undo of this.#undo.splice(0)) undo();
    await Promise.all(this.#senders.map(([, sender]) => sender.stop()));
    await this.#running;
  }

  /** Why messages wait although there is a connection; undefined where they do not. */
  get problem(): string | undefined {
    return this.#senders.map(([, sender]) => sender.problem).find((problem) => problem !== undefined);
  }

  /** Which incarnation of the stream is written to. */
  incarnation(stream: StreamName): number {
    return this.#sender(stream)?.incarnation ?? 1;
  }

  metrics(): Iterable<Metric> {
    return outboxMetrics(this.#options.store.outbox, this.#senders, this.#options.clock.now());
  }

  get #isFlying(): boolean {
    return this.#senders.some(([, sender]) => sender.isFlying);
  }

  #sender(stream: string | undefined): OutboxSender | undefined {
    return this.#senders.find(([name]) => name === stream)?.[1];
  }

  #connected(): void {
    const { link, clock, store } = this.#options;
    if (link.serverId !== this.#serverId) {
      this.#serverSince = clock.monotonic();
      if (this.#serverId !== undefined) this.#lastOfBefore = store.outbox.last;
    }
    this.#serverId = link.serverId;
    for (const [, sender] of this.#senders) sender.reopen();
  }

  #committed(rows: readonly OutboxRow[]): void {
    for (const [stream, sender] of this.#senders) {
      const own = rows.filter((row) => row.stream === stream);
      if (own.length > 0) sender.committed(own);
    }
    this.#pump();
  }

  /** Never throws: it is called within commits and by the client's read loop. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (const [, sender] of this.#senders) {
        sender.pump();
        // The less urgent wait while a more urgent one has something to send.
        if (sender.isBusy) break;
      }
    } catch (caught) {
      this.#options.log.error({ error: toGatewayError(caught).message }, "The outbox could not be sent from");
    } finally {
      this.#isPumping = false;
    }
  }

  #answered(subject: string, data: Uint8Array): void {
    const [stream, n, generation] = subject.slice(this.#inbox.length + 1).split(".");
    this.#sender(stream)?.answered(Number(n), Number(generation), data);
  }

  async #run(): Promise<void> {
    const { clock, syncsAtAck, syncedAfterMs: after = syncedAfterMs } = this.#options;
    const everyMs = Math.min(releaseEveryMs, after);
    const signal = this.#stopping.signal;
    for (let releasedAt = clock.monotonic(); !signal.aborted;) {
      await clock.sleep(tickMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      for (const [, sender] of this.#senders) sender.tick();
      this.#pump();
      if (clock.monotonic() - releasedAt < everyMs && !syncsAtAck()) continue;
      releasedAt = clock.monotonic();
      this.#release();
    }
  }

  /** Nothing that an earlier server acknowledged: perhaps it did not live to sync it. */
  #release(): void {
    const { clock, store, syncedAfterMs: after = syncedAfterMs } = this.#options;
    if (store.outbox.kept.rows === 0 || this.#options.link.state !== "connected") return;
    if (clock.monotonic() - this.#serverSince < after) return;
    store.release(clock.now() - after);
  }
}
