import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { GatewayError } from "../domain/errors.ts";
import { openDatabase, rewrite, type OpenedDatabase } from "./database.ts";
import { LogSync, syncedFile, type SyncedFile } from "./log-sync.ts";
import { Histogram, roundTripMs } from "../observability/histogram.ts";
import { Outbox } from "./outbox.ts";
import type { KeptBacklog, OutboxLimits, StreamName } from "./outbox-row.ts";
import { OutboxTable, type Released } from "./outbox-table.ts";
import { Reserve } from "./reserve.ts";
import { StateTable } from "./state-table.ts";
import type { OutgoingMessage, StateChange, StateStore, Stored } from "./state-store.ts";
import { beginKey, markChange, outboxScope, readBegin, readMark, type StreamMark } from "./stream-mark.ts";
import { takeOver } from "./take-over.ts";
import type { TransactionPart } from "./transaction-part.ts";

/** In the site's data folder. */
export const stateFile = "linegate.db";

const retryMs = 5_000;
/** Acks are committed together, or with what else is committed meanwhile: flash wears out. */
const lazyMs = 100;
/** Those commits are synced together, or with what else is synced meanwhile. */
const lazySyncMs = 1_000;

export interface StateStoreOptions {
  /** The site's data folder. */
  readonly dir: string;
  readonly gateway: string;
  readonly outbox: OutboxLimits;
  /** A random text. */
  readonly newToken: () => string;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: the file at that path. */
  readonly openLog?: (path: string) => SyncedFile;
}

/** How it stands with what is to survive. */
export interface StoreCondition {
  /** The disk takes what is written. */
  readonly isDurable: boolean;
  /** The corrupt file that the start found and set aside; undefined where it found none. */
  readonly setAside: string | undefined;
}

interface Waiting {
  readonly changes: readonly StateChange[];
  /** Absent: nobody waits for the disk. */
  readonly done?: (stored: Stored) => void;
}

interface Opened {
  readonly database: DatabaseSync;
  readonly state: StateTable;
  readonly outbox: OutboxTable;
  readonly sync: LogSync;
}

/**
 * The durable state in one SQLite file with a write-ahead log. A commit goes to the log, which is then synced beside the event
 * loop: only then a change is `stored`, and a message announced. What the disk refuses is kept in memory and tried again.
 */
export class SqliteStateStore implements StateStore {
  readonly outbox: Outbox;
  /** What the disk took to sync, in ms. */
  readonly syncTook = new Histogram(roundTripMs);
  readonly #options: StateStoreOptions;
  readonly #state = new Map<string, Map<string, string>>();
  readonly #stopping = new AbortController();
  readonly #reserve: Reserve;
  readonly #parts: TransactionPart[] = [];
  #opened: Opened | undefined;
  #epoch = "";
  #waiting: Waiting[] = [];
  /** The last change of each key that the disk has refused so far. */
  #unstored = new Map<string, StateChange>();
  /** Something was committed in this turn of the event loop: what comes after waits for the next. */
  #hasCommitted = false;
  #isLazy = false;
  /** Something is committed, and no sync asked for. */
  #isUnsynced = false;
  #syncsSoon = false;
  /** A sync failed: what it was for is on disk with the next rewrite only. */
  #isSpoilt = false;
  #failing = false;
  #setAside: string | undefined;

  constructor(options: StateStoreOptions) {
    const { gateway, outbox, clock, log, newToken } = options;
    this.#options = options;
    this.#reserve = new Reserve(join(options.dir, "linegate.reserve"));
    // Beside the file's epoch one of this run: a file that is rolled back gives the same numbers again.
    const run = newToken().slice(0, 6);
    this.outbox = new Outbox({
      ...outbox,
      idPrefix: () => `${gateway}:${this.#epoch}-${run}`,
      begin: () => readBegin(this.#state.get(outboxScope)?.get(beginKey)),
      now: () => clock.now(),
      log,
      keep: (change) => this.#keep(change),
    });
  }

  /** Random, made once for each database file; empty where there is none. */
  get epoch(): string {
    return this.#epoch;
  }

  get condition(): StoreCondition {
    return { isDurable: this.#opened !== undefined && !this.#failing, setAside: this.#setAside };
  }

  /** Has the part's own tables read and written with the rest; before `open`. */
  join(part: TransactionPart): void {
    this.#parts.push(part);
  }

  /** Reads the state. Where the file can't be opened, the gateway goes on without what it held, and says so. */
  open(): void {
    const { dir, log } = this.#options;
    try {
      this.#openFile();
      this.#reserve.keep();
    } catch (caught) {
      if (this.#reserve.giveUp()) return this.open();
      log.error(
        { dir, error: String(caught) },
        "The durable state can't be opened; nothing survives a restart",
      );
    }
  }

  read(scope: string): ReadonlyMap<string, string> {
    return new Map([...(this.#state.get(scope) ?? [])].toSorted(([one], [other]) => (one < other ? -1 : 1)));
  }

  change(changes: readonly StateChange[], messages: readonly OutgoingMessage[] = []): Promise<Stored> {
    for (const change of changes) this.#set(change);
    this.outbox.add(messages);
    return new Promise((done) => this.#wait({ changes, done }));
  }

  note(changes: readonly StateChange[]): void {
    for (const change of changes) this.#set(change);
    this.#wait({ changes });
  }

  /** For a message that nobody waits for: a commit within 100 ms takes it along, flash wears out. */
  soon(message: OutgoingMessage): void {
    this.outbox.add([message]);
    this.#keep();
  }

  /** A part has something new that nobody waits for: it is committed within 100 ms. */
  touch(): void {
    this.#commitIn(lazyMs);
  }

  mark(stream: StreamName): StreamMark | undefined {
    return readMark(this.#state.get(outboxScope)?.get(stream));
  }

  /** Resolves when it is stored, or the disk refuses it. */
  async setMark(stream: StreamName, mark: StreamMark): Promise<Stored> {
    if (isDeepStrictEqual(mark, this.mark(stream))) return "stored";
    return this.change([markChange(stream, mark)]);
  }

  /**
   * Messages of that incarnation that were acknowledged beyond a place in the stream wait again. Returns how many; throws
   * STORE_FULL where the disk refuses.
   */
  requeue(stream: StreamName, incarnation: number, aboveSeq: number): number {
    const forgotten = this.outbox.forgetAcks(stream, incarnation, aboveSeq);
    this.#commit();
    let lost: KeptBacklog = { rows: 0, bytes: 0, promisedBytes: 0 };
    const isDone = this.#transact(({ outbox }) => {
      lost = outbox.requeue(stream, incarnation, aboveSeq);
    });
    if (!isDone && this.#opened !== undefined)
      throw new GatewayError("STORE_FULL", "The outbox can't be changed: the disk refuses it");
    this.outbox.requeued(stream, lost);
    return forgotten + lost.rows;
  }

  /** Deletes what was acknowledged at that Unix ms or before. */
  release(ackedUntil: number): void {
    this.#commit();
    let gone: readonly Released[] = [];
    const isDone = this.#transact(({ outbox, state }) => {
      gone = outbox.release(ackedUntil);
      for (const released of gone) {
        const mark = this.mark(released.stream);
        if (mark === undefined || mark.incarnation !== released.incarnation) continue;
        const change = markChange(released.stream, {
          ...mark,
          deleted: Math.max(mark.deleted, released.seq),
        });
        this.#set(change);
        state.write([change]);
      }
    });
    if (isDone) this.outbox.released(gone);
  }

  /** What still waits is committed and synced first. Idempotent. */
  close(): void {
    this.#commit();
    this.#stopping.abort();
    this.#opened?.sync.close();
    this.#opened?.database.close();
    this.#opened = undefined;
  }

  #openFile(): void {
    const { dir, log, clock, newToken } = this.#options;
    openDatabase({
      path: join(dir, stateFile),
      newEpoch: () => newToken().slice(0, 8),
      now: clock.now(),
      load: (opened) => this.#load(opened),
      onSetAside: (to, error) => {
        this.#setAside = to;
        log.error(
          { setAside: to, error: String(error) },
          "The durable state is corrupt: the file is set aside, and the gateway begins anew. Check the disk",
        );
      },
      takeOver: (from, into) => this.#takeOver(from, into),
    });
  }

  #takeOver(from: string, into: DatabaseSync): void {
    const { log } = this.#options;
    try {
      const rows = takeOver(
        from,
        into,
        this.#parts.flatMap(({ salvaged }) => salvaged),
      );
      log.warn(
        { from, rows },
        "What can be read of the corrupt file is taken over: what waits to be sent first",
      );
    } catch (caught) {
      log.error({ from, error: String(caught) }, "Not all of the corrupt file could be taken over");
    }
  }

  #load({ database, epoch, log }: OpenedDatabase): void {
    this.#state.clear();
    const state = new StateTable(database);
    const outbox = new OutboxTable(database);
    for (const row of state.all()) this.#set(row);
    this.outbox.load(outbox);
    for (const part of this.#parts) part.load(database);
    const { clock, openLog = syncedFile } = this.#options;
    const onError = (error: unknown) => {
      this.#isSpoilt = true;
      this.#fail(error);
    };
    const sync = new LogSync({ file: openLog(log), took: this.syncTook, clock, onError });
    this.#epoch = epoch;
    this.#opened = { database, state, outbox, sync };
  }

  #set({ scope, key, value }: StateChange): void {
    const entries = this.#state.get(scope) ?? new Map<string, string>();
    this.#state.set(scope, entries);
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }

  #keep(change?: StateChange): void {
    if (change !== undefined) {
      this.#set(change);
      this.#unstored.set(JSON.stringify([change.scope, change.key]), change);
    }
    this.#commitIn(lazyMs);
  }

  #commitIn(waitMs: number): void {
    if (this.#isLazy) return;
    this.#isLazy = true;
    const wait = this.#options.clock.sleep(waitMs, this.#stopping.signal);
    void wait.then(
      () => {
        this.#isLazy = false;
        this.#commit();
      },
      () => undefined,
    );
  }

  /** Commits that follow each other share a turn: the first is not held up by it. */
  #commitTurn(): void {
    this.#hasCommitted = true;
    setImmediate(() => {
      this.#hasCommitted = false;
      if (this.#waiting.length > 0) this.#commitTurn();
    });
    this.#commit();
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1 && !this.#hasCommitted) queueMicrotask(() => this.#commitTurn());
  }

  #commit(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { changes } of waiting)
      for (const change of changes) this.#unstored.set(JSON.stringify([change.scope, change.key]), change);
    const unstored = this.#unstored;
    const parts = this.#parts.filter(({ isDirty }) => isDirty);
    const isNew = this.#isSpoilt || this.#unstored.size > 0 || this.outbox.isDirty || parts.length > 0;
    const isStored =
      !isNew ||
      this.#transact((tables) => {
        tables.state.write(unstored.values());
        this.outbox.write(tables.outbox);
        for (const part of parts) part.write();
      });
    if (isStored && isNew) {
      this.#unstored = new Map();
      this.outbox.stored();
      for (const part of parts) part.stored();
    } else if (!isStored) this.outbox.refused();
    const upTo = this.outbox.last;
    const told = (isSynced: boolean) => {
      this.outbox.announce(upTo, isStored && isSynced);
      for (const { done } of waiting) done?.(isStored && isSynced ? "stored" : "kept");
    };
    if (this.#opened === undefined) told(false);
    else if (this.outbox.hasUnseen || waiting.some(({ done }) => done !== undefined)) this.#sync(told);
    else if (isNew && isStored) this.#syncSoon();
  }

  #sync(told: (isSynced: boolean) => void): void {
    this.#isUnsynced = false;
    this.#opened?.sync.request(told);
  }

  #syncSoon(): void {
    this.#isUnsynced = true;
    if (this.#syncsSoon) return;
    this.#syncsSoon = true;
    const wait = this.#options.clock.sleep(lazySyncMs, this.#stopping.signal);
    void wait.then(
      () => {
        this.#syncsSoon = false;
        if (this.#isUnsynced) this.#sync(() => undefined);
      },
      () => undefined,
    );
  }

  /** All of the work in one transaction, or nothing of it. */
  #transact(work: (tables: Opened) => void): boolean {
    const opened = this.#opened;
    if (opened === undefined) return false;
    const { database } = opened;
    try {
      if (this.#isSpoilt) rewrite(database);
      this.#isSpoilt = false;
      database.exec("BEGIN IMMEDIATE");
      work(opened);
      database.exec("COMMIT");
      if (this.#failing) this.#recovered();
      return true;
    } catch (caught) {
      if (database.isTransaction) database.exec("ROLLBACK");
      this.#fail(caught);
      return false;
    }
  }

  #recovered(): void {
    this.#failing = false;
    this.#options.log.info({}, "The durable state is written to disk again");
    this.#reserve.keep();
  }

  #fail(error: unknown): void {
    if (!this.#failing)
      this.#options.log.error(
        { error: String(error), nextTryInMs: retryMs },
        "The durable state can't be written; check the disk",
      );
    this.#failing = true;
    this.#commitIn(retryMs);
  }
}
