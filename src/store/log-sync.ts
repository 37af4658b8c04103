import type { Clock } from "../adapter-kit/clock.ts";
import type { Histogram } from "../observability/histogram.ts";
import { closeSync, fdatasync, fdatasyncSync, openSync } from "node:fs";

type Told = (synced: boolean) => void;

export interface SyncedFile {
  /** Calls back when all that was written before is on disk, or with why it is not. */
  sync(done: (error: Error | null) => void): void;
  /** Throws what the disk says. */
  syncNow(): void;
  close(): void;
}

/** SQLite has its own descriptor of the file: a sync is of the file, whoever wrote. */
export function syncedFile(path: string): SyncedFile {
  const descriptor = openSync(path, "r+");
  return {
    sync: (done) => fdatasync(descriptor, done),
    syncNow: () => fdatasyncSync(descriptor),
    close: () => closeSync(descriptor),
  };
}

export interface LogSyncOptions {
  readonly file: SyncedFile;
  /** What the disk took for each sync, in ms. */
  readonly took: Histogram;
  readonly clock: Pick<Clock, "monotonic">;
  /** What the disk says, beside telling those who wait. */
  readonly onError: (error: unknown) => void;
}

/**
 * Syncs the write-ahead log on a thread of its own, so that the event loop never waits for the disk: eMMC takes tens of
 * milliseconds. One sync at a time; what is committed meanwhile shares the next. Commits are told in their order.
 */
export class LogSync {
  readonly #took: Histogram;
  readonly #file: SyncedFile;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #onError: (error: unknown) => void;
  #waiting: Told[] = [];
  #underWay: Told[] = [];

  constructor({ file, took, clock, onError }: LogSyncOptions) {
    this.#took = took;
    this.#file = file;
    this.#clock = clock;
    this.#onError = onError;
  }

  /** Tells when all that was committed before is on disk, or that the disk refuses. */
  request(told: Told): void {
    this.#waiting.push(told);
    if (this.#underWay.length === 0) this.#begin();
  }

  /** At once, and all are told before it returns; a sync under way tells nobody any more. */
  flush(): void {
    const open = [...this.#underWay, ...this.#waiting];
    this.#underWay = [];
    this.#waiting = [];
    if (open.length === 0) return;
    let synced = true;
    try {
      this.#file.syncNow();
    } catch (caught) {
      synced = false;
      this.#onError(caught);
    }
    for (const told of open) told(synced);
  }

  close(): void {
    this.flush();
    this.#file.close();
  }

  #begin(): void {
    const group = this.#waiting;
    this.#waiting = [];
    this.#underWay = group;
    const since = this.#clock.monotonic();
    this.#file.sync((error) => {
      this.#took.observe(this.#clock.monotonic() - since);
      if (this.#underWay !== group) return;
      this.#underWay = [];
      if (error !== null) this.#onError(error);
      for (const told of group) told(error === null);
      if (this.#waiting.length > 0 && this.#underWay.length === 0) this.#begin();
    });
  }
}
