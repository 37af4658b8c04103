import type { Log } from "../adapter-kit/log.ts";
import {
  policyOf,
  rowBytes,
  streamNames,
  type Ack,
  type Backlog,
  type KeptBacklog,
  type OutboxLimits,
  type OutboxRow,
  type StreamName,
} from "./outbox-row.ts";
import { firstHeader } from "./outbox-header.ts";
import { lossReasons, type Dropped } from "./outbox-loss.ts";
import type { Cut, OutboxTable } from "./outbox-table.ts";
import type { OutgoingMessage, StateChange } from "./state-store.ts";
import { markChange, type StreamMark } from "./stream-mark.ts";

/** Of the limit, what bulk may take: events still find room. */
const bulkShare = 0.9;
/** What is kept in memory while the disk refuses. */
const memoryBytes = 8_000_000;

interface Settled {
  readonly stream: StreamName;
  readonly ack: Ack;
  readonly incarnation: number;
  /** Kept until it is surely synced, from then on; undefined: it goes. */
  readonly keptSince: number | undefined;
}

export interface OutboxOptions extends OutboxLimits {
  /** Before the number in an id: `<gateway>:<epoch>`. */
  readonly idPrefix: () => string;
  /** The first number of the epoch. */
  readonly begin: () => number;
  readonly now: () => number;
  readonly log: Log;
  /** Has the next commit take a change along, which comes soon. */
  readonly keep: (change?: StateChange) => void;
}

/**
 * The messages that must reach JetStream: what of them is on disk, what waits for the next commit, and what the disk refuses.
 * The state store calls `write` inside its transactions and says how they ended.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #listeners = new Set<(rows: readonly OutboxRow[]) => void>();
  #table: OutboxTable | undefined;
  #last = 0;
  /** Since the last commit: nobody sees them before. */
  #fresh: OutboxRow[] = [];
  /** Those that go out only from the disk: they get their numbers with the commit, so that none that the disk refuses is overtaken. */
  #held: { readonly message: OutgoingMessage; readonly row: OutboxRow }[] = [];
  #numbered: readonly OutboxRow[] = [];
  /** Committed or refused, and not announced before those ahead of them are surely on disk. */
  #unseen: OutboxRow[] = [];
  /** What the disk refused. */
  #refused: OutboxRow[] = [];
  #settled = new Map<number, Settled>();
  readonly #backlog = { EVENTS: { rows: 0, bytes: 0 }, BATCHES: { rows: 0, bytes: 0 } };
  readonly #kept = { rows: 0, bytes: 0 };
  /** Of what is kept, what never gives way. */
  #keptPromised = 0;
  #draft: { readonly done: Settled[]; readonly cut: readonly Cut[] } = { done: [], cut: [] };
  readonly #dropped = { EVENTS: newDropped(), BATCHES: newDropped() };
  readonly #offered = { EVENTS: { rows: 0, bytes: 0 }, BATCHES: { rows: 0, bytes: 0 } };
  #told = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Reads what is on disk; again, where the first file was corrupt. */
  load(table: OutboxTable): void {
    this.#table = table;
    for (const counts of [this.#kept, this.#backlog.EVENTS, this.#backlog.BATCHES])
      add(counts, -counts.rows, -counts.bytes);
    this.#last = table.last();
    table.ackedNoLaterThan(this.#options.now());
    this.#keptPromised = 0;
    for (const { stream, acked, isPromised, rows, bytes } of table.totals()) {
      add(acked ? this.#kept : this.#backlog[stream], rows, bytes);
      if (acked && isPromised) this.#keptPromised += bytes;
    }
  }

  /** Calls back in the turn in which messages are known to be on disk, or the disk refused them; returns the way to stop. */
  onCommitted(listener: (rows: readonly OutboxRow[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What waits for its ack. */
  backlog(stream: StreamName): Backlog {
    return this.#backlog[stream];
  }

  /** All that was given to it since the start, what it had no room for included: how fast messages come. */
  offered(stream: StreamName): Backlog {
    return this.#offered[stream];
  }

  /** What is kept after its ack until it is surely synced. */
  get kept(): Backlog {
    return this.#kept;
  }

  /** Whether a message fits without another one having to go that is as urgent: a tenth is left to the gateway's own events. */
  hasRoom(stream: StreamName, bytes: number): boolean {
    return this.#bytesAhead(stream) + bytes <= this.#options.maxBytes * bulkShare;
  }

  dropped(stream: StreamName): Dropped {
    return this.#dropped[stream];
  }

  /** When the oldest without an ack was queued, in Unix ms. */
  oldest(stream: StreamName): number | undefined {
    return this.read(stream, 0, 1)[0]?.queuedAt;
  }

  /** Something is committed, and not announced. */
  get hasUnseen(): boolean {
    return this.#unseen.length > 0;
  }

  get isDirty(): boolean {
    return (
      this.#fresh.length > 0 || this.#held.length > 0 || this.#refused.length > 0 || this.#settled.size > 0
    );
  }

  /** For the next commit. */
  add(messages: readonly OutgoingMessage[]): void {
    for (const message of messages) {
      const row = this.#rowOf(message, this.#last + 1, this.#options.now());
      if (message.whenStored !== true) this.#last += 1;
      if (!this.#hasTaken(row)) continue;
      if (message.whenStored === true) this.#held.push({ message, row });
      else this.#fresh.push(row);
    }
  }

  /** In order, what was announced and has no ack, after a number. */
  read(stream: StreamName, after: number, most: number): OutboxRow[] {
    const before = this.#unseen.find(({ whenStored }) => whenStored !== true)?.n ?? Infinity;
    const hidden = new Set(this.#unseen.filter(({ whenStored }) => whenStored).map(({ n }) => n));
    const isSeen = ({ n }: OutboxRow) => n < before && !hidden.has(n);
    const rows: OutboxRow[] = [];
    for (let cursor = after; this.#table !== undefined && rows.length < most;) {
      const page = this.#table.read(stream, cursor, most);
      rows.push(...page.filter((row) => isSeen(row) && !this.#settled.has(row.n)));
      if (page.length < most) break;
      cursor = page.at(-1)?.n ?? cursor;
    }
    const refused = this.#refused.filter((row) => row.stream === stream && row.n > after && isSeen(row));
    return [...rows, ...refused].slice(0, most);
  }

  /**
   * The stream has a message: it goes with one of the next commits, or is kept until `release` where the server has not
   * surely synced it (`keep`).
   */
  settle(stream: StreamName, ack: Ack, mark: StreamMark, keep: boolean): StreamMark {
    const reached = (place = 0) => Math.max(place, ack.seq);
    const next = {
      ...mark,
      acked: reached(mark.acked),
      deleted: keep ? mark.deleted : reached(mark.deleted),
      ...(ack.isPromised ? { promised: reached(mark.promised) } : {}),
    };
    if (!this.#forget(ack.n)) {
      const keptSince = keep ? this.#options.now() : undefined;
      this.#settled.set(ack.n, { stream, ack, incarnation: mark.incarnation, keptSince });
    }
    this.#options.keep(markChange(stream, next));
    return next;
  }

  /** The server will never take it. */
  refuse({ n, stream, bytes, isPromised, subject }: OutboxRow): void {
    this.#count(stream, "oversized", { n, subject, bytes });
    if (this.#forget(n)) return;
    this.#settled.set(n, {
      stream,
      ack: { n, bytes, isPromised, seq: 0 },
      incarnation: 0,
      keptSince: undefined,
    });
    this.#options.keep();
  }

  /** Inside a transaction. */
  write(table: OutboxTable): void {
    const done = [...this.#settled.values()].filter(({ ack, incarnation, keptSince }) =>
      keptSince === undefined ? table.remove(ack.n) : table.keep(ack, incarnation, keptSince),
    );
    this.#numbered = this.#held.map(({ message, row }, index) => ({
      ...this.#rowOf(message, this.#last + 1 + index, row.queuedAt),
      bytes: row.bytes,
    }));
    for (const row of [...this.#refused, ...this.#fresh, ...this.#numbered]) table.insert(row);
    const goneBytes = sum(
      done.filter(({ keptSince }) => keptSince === undefined).map(({ ack }) => ack.bytes),
    );
    const excess = this.#bytes() - goneBytes - this.#options.maxBytes;
    const streams = streamNames.toReversed().filter((stream) => this.#yields(stream));
    this.#draft = { done, cut: excess > 0 ? table.cut(excess, streams) : [] };
  }

  /** What `write` did is committed. */
  stored(): void {
    const { done, cut } = this.#draft;
    for (const { stream, ack, keptSince } of done) {
      add(this.#backlog[stream], -1, -ack.bytes);
      if (keptSince === undefined) continue;
      add(this.#kept, 1, ack.bytes);
      if (ack.isPromised) this.#keptPromised += ack.bytes;
    }
    for (const { stream, bytes, acked, n } of cut) {
      add(acked ? this.#kept : this.#backlog[stream], -1, -bytes);
      if (!acked) this.#count(stream, "full", { n });
    }
    this.#settled = new Map();
    this.#refused = [];
    if (cut.length === 0 && this.#fresh.length > 0) this.#told = false;
    this.#last += this.#numbered.length;
    this.#unseen.push(...this.#fresh, ...this.#numbered);
    this.#fresh = [];
    this.#held = [];
    this.#withdraw(new Set(cut.map(({ n }) => n)));
  }

  /** The disk has none of it: kept in memory, within a bound. */
  refused(): void {
    this.#boundHeld();
    this.#refused.push(...this.#fresh);
    this.#unseen.push(...this.#fresh);
    this.#fresh = [];
    let excess = sum(this.#refused.map(({ bytes }) => bytes)) - memoryBytes;
    const oldest = this.#refused.filter(({ stream }) => this.#yields(stream));
    const newest = this.#refused.filter(({ stream }) => !this.#yields(stream)).toReversed();
    const gone = new Set<number>();
    for (const row of [...oldest, ...newest]) {
      if (excess <= 0) break;
      excess -= row.bytes;
      gone.add(row.n);
      add(this.#backlog[row.stream], -1, -row.bytes);
      this.#count(row.stream, "memory", { n: row.n });
    }
    if (gone.size > 0) this.#refused = this.#refused.filter(({ n }) => !gone.has(n));
    this.#withdraw(gone);
  }

  /** The number of the last message. */
  get last(): number {
    return this.#last;
  }

  /** Messages up to that number are on disk, or refused: they are announced, but for those that only the disk sets free. */
  announce(upTo: number, isStored: boolean): void {
    const isDue = ({ n, whenStored }: OutboxRow) => n <= upTo && (isStored || whenStored !== true);
    const rows = this.#unseen.filter(isDue);
    if (rows.length === 0) return;
    this.#unseen = this.#unseen.filter((row) => !isDue(row));
    for (const listener of this.#listeners) listener(rows);
  }

  /** Acked messages that the stream does not have after all wait again. */
  requeued(stream: StreamName, lost: KeptBacklog): void {
    const { rows, bytes } = lost;
    this.released([lost]);
    add(this.#backlog[stream], rows, bytes);
  }

  /** Acks that are not on disk yet, of messages that the stream does not have after all. Returns how many. */
  forgetAcks(stream: StreamName, incarnation: number, aboveSeq: number): number {
    const lost = [...this.#settled].filter(
      ([, settled]) =>
        settled.stream === stream && settled.incarnation === incarnation && settled.ack.seq > aboveSeq,
    );
    for (const [n] of lost) this.#settled.delete(n);
    return lost.length;
  }

  released(gone: readonly KeptBacklog[]): void {
    for (const { rows, bytes, promisedBytes } of gone) {
      add(this.#kept, -rows, -bytes);
      this.#keptPromised -= promisedBytes;
    }
  }

  /** Batches that wait for the disk alone; durable messages of devices are bounded where they come in. */
  #boundHeld(): void {
    const batches = this.#held.filter(({ row }) => row.stream === "BATCHES");
    let excess = sum(batches.map(({ row }) => row.bytes)) - memoryBytes;
    const gone = new Set<object>();
    for (const held of this.#yields("BATCHES") ? batches : batches.toReversed()) {
      if (excess <= 0) break;
      excess -= held.row.bytes;
      gone.add(held);
      add(this.#backlog.BATCHES, -1, -held.row.bytes);
      this.#count("BATCHES", "memory", { subject: held.row.subject });
    }
    if (gone.size > 0) this.#held = this.#held.filter((held) => !gone.has(held));
  }

  #rowOf(message: OutgoingMessage, n: number, queuedAt: number): OutboxRow {
    const { stream, subject, id, payload, live, whenStored } = message;
    const begin = this.#options.begin();
    const headers = { ...message.headers, ...(begin > 1 && { [firstHeader]: String(begin) }) };
    const row = {
      n,
      stream,
      subject,
      id: id ?? `${this.#options.idPrefix()}:${n}`,
      headers,
      payload: typeof payload === "string" ? Buffer.from(payload) : payload,
      live,
      whenStored,
      isPromised: stream === "EVENTS" && whenStored === true,
      queuedAt,
    };
    return { ...row, bytes: rowBytes(row) };
  }

  #hasTaken(row: OutboxRow): boolean {
    const { maxBytes } = this.#options;
    const limit = row.stream === "BATCHES" ? maxBytes * bulkShare : maxBytes;
    add(this.#offered[row.stream], 1, row.bytes);
    const waiting = this.#bytesAhead(row.stream) + row.bytes;
    const isRefused = row.bytes > limit || (!this.#yields(row.stream) && waiting > limit);
    // For what is promised `hasRoom` was asked.
    if (isRefused && !row.isPromised) {
      this.#count(row.stream, "full", { subject: row.subject, bytes: row.bytes });
      return false;
    }
    add(this.#backlog[row.stream], 1, row.bytes);
    return true;
  }

  /** What does not make room for a message of the stream: batches that give way do for an event, no event does for a batch. */
  #bytesAhead(stream: StreamName): number {
    const ahead = streamNames.filter(
      (other) => stream === "BATCHES" || other === "EVENTS" || !this.#yields(other),
    );
    return this.#keptPromised + sum(ahead.map((other) => this.#backlog[other].bytes));
  }

  /** Whether the oldest of it make room. */
  #yields(stream: StreamName): boolean {
    return policyOf(this.#options, stream) !== "newest";
  }

  #bytes(): number {
    return this.#kept.bytes + sum(streamNames.map((stream) => this.#backlog[stream].bytes));
  }

  /** Takes a message out that is in memory alone; true where it was. */
  #forget(n: number): boolean {
    const row = this.#refused.find((waiting) => waiting.n === n);
    if (row === undefined) return false;
    this.#refused = this.#refused.filter((waiting) => waiting !== row);
    add(this.#backlog[row.stream], -1, -row.bytes);
    return true;
  }

  #withdraw(gone: ReadonlySet<number>): void {
    if (gone.size > 0) this.#unseen = this.#unseen.filter(({ n }) => !gone.has(n));
  }

  #count(stream: StreamName, why: keyof Dropped, fields: object): void {
    this.#dropped[stream][why] += 1;
    if (this.#told && why !== "oversized") return;
    if (why !== "oversized") this.#told = true;
    const { maxBytes, log } = this.#options;
    log.error({ stream, ...fields, maxBytes, whenFull: policyOf(this.#options, stream) }, lossReasons[why]);
  }
}

function newDropped() {
  return { full: 0, memory: 0, oversized: 0 };
}

function add(to: { rows: number; bytes: number }, rows: number, bytes: number): void {
  to.rows += rows;
  to.bytes += bytes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
