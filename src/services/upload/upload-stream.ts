import type { BatchLimits } from "../../config/upload.ts";
import type { Duration } from "../../domain/duration.ts";
import { toGatewayError, type GatewayError } from "../../domain/errors.ts";
import type { StateChange, StateStore } from "../../store/state-store.ts";
import type { UploadRow } from "../aggregation/fold.ts";
import type { BatchSeries } from "./batch.ts";
import { batchMessages } from "./batch-message.ts";
import { OpenBatch, sizeOf } from "./open-batch.ts";
import { inBreaths, type Breathe } from "./breath.ts";
import { noUploads, type StreamCounters } from "./upload-counters.ts";
import type { UploadTag } from "./upload-tag.ts";

/** What is in the store of the uploads: `tag/…` a key a tag, `batch/…` the last number of each stream. */
export const uploadScope = "upload";

/** More than this does not wait for the store: what comes then is lost and counted. */
const mostWaitingBytes = 16_000_000;
/** What a row takes in memory beside its values. */
const rowBytes = 40;
/** A row so large might not fit into a message even alone. */
const largestRow = 2_400_000;

export interface UploadStreamOptions {
  readonly name: string;
  readonly gateway: string;
  readonly site: string;
  readonly epoch: string;
  readonly store: StateStore;
  readonly breathe: Breathe;
  /** A batch could not be made; its rows are lost. */
  readonly failed: (error: GatewayError) => void;
  /** To how long windows are made coarser now; undefined: they are not. */
  readonly thinnedTo: () => Duration | undefined;
  /** The last batch that is stored; 0 before the first. */
  readonly number: number;
}

/** Tags whose states go with a batch, until they are written down as they were when it was closed. */
interface Closing {
  readonly batch: OpenBatch;
  readonly tags: Set<UploadTag>;
  readonly changes: StateChange[];
}

/**
 * The batches of one stream, one after another. With a batch the states of the tags that have rows in it are stored, as
 * they were when it was closed, in one transaction: so that after a kill no row is there twice, and none is missing
 * whose readings the stored state does not hold.
 */
export class UploadStream {
  readonly counters: StreamCounters = noUploads();
  readonly #options: UploadStreamOptions;
  #number: number;
  #open: OpenBatch | undefined;
  #tags = new Set<UploadTag>();
  readonly #closing: Closing[] = [];
  /** The end of the last closing. */
  #tail: Promise<void> = Promise.resolve();
  /** What the closed batches take in memory until they are stored. */
  #waitingBytes = 0;
  /** How much smaller the last batches became. */
  #ratio = 0.5;

  constructor(options: UploadStreamOptions) {
    this.#options = options;
    this.#number = options.number;
  }

  get name(): string {
    return this.#options.name;
  }

  /** Rows that are not stored yet. */
  get waiting(): number {
    return this.#closing.reduce((sum, { batch }) => sum + batch.rows, this.#open?.rows ?? 0);
  }

  add(tag: UploadTag, row: UploadRow, steady: number): void {
    if (this.#waitingBytes > mostWaitingBytes || sizeOf(row) > largestRow) {
      this.counters.lost += 1;
      return;
    }
    this.#open ??= new OpenBatch(steady, this.#options.thinnedTo());
    this.#open.add(tag, row);
    this.counters.rows += 1;
    tag.isWaiting = true;
    this.#tags.add(tag);
  }

  /** True where the batch has reached a limit. */
  isFull({ maxAge, maxBytes, maxReadings }: BatchLimits, steady: number): boolean {
    const open = this.#open;
    if (open === undefined) return false;
    return open.rows >= maxReadings || open.bytes * this.#ratio >= maxBytes || steady - open.since >= maxAge;
  }

  /** To be called before a reading changes the tag's state, which a closed batch may need as it is. */
  secure(tag: UploadTag): void {
    if (tag.closing === 0) return;
    for (const { tags, changes } of this.#closing) {
      if (tags.delete(tag)) changes.push(stateOf(tag));
    }
  }

  /** The tag's rule is no longer in force: what is stored of it goes, with its last rows where it has some. */
  end(tag: UploadTag): void {
    tag.hasEnded = true;
    if (!tag.isWaiting) this.#tail = this.#tail.then(() => void this.#options.store.change([stateOf(tag)]));
  }

  /** Closes the batch; resolves when it and all before it are stored. */
  close(): Promise<void> {
    const batch = this.#open;
    if (batch === undefined) return this.#tail;
    const tags = [...this.#tags].filter((tag) => tag.isStored);
    const closing: Closing = { batch, tags: new Set(tags), changes: [] };
    for (const tag of this.#tags) tag.isWaiting = false;
    for (const tag of tags) tag.closing += 1;
    this.#open = undefined;
    this.#tags = new Set();
    this.#closing.push(closing);
    const bytes = batch.bytes + rowBytes * batch.rows;
    this.#waitingBytes += bytes;
    this.#tail = this.#tail
      .then(() => this.#store(closing, tags))
      .catch((caught: unknown) => {
        this.counters.lost += batch.rows;
        this.#options.failed(toGatewayError(caught));
      })
      .finally(() => {
        this.#closing.splice(this.#closing.indexOf(closing), 1);
        this.#waitingBytes -= bytes;
      });
    return this.#tail;
  }

  async #store(closing: Closing, tags: readonly UploadTag[]): Promise<void> {
    const { gateway, site, epoch, store, breathe, name } = this.#options;
    const { batch, changes } = closing;
    await inBreaths(breathe, tags, (tag) => this.secure(tag));
    const series: BatchSeries[] = [];
    await inBreaths(breathe, batch.series(), (one) => series.push(one));
    const whole = { gateway, site, epoch, stream: name, batch: this.#number + 1, series };
    const messages = await batchMessages(whole, breathe, batch.thinnedTo);
    this.#number += messages.length;
    changes.push({ scope: uploadScope, key: `batch/${name}`, value: String(this.#number) });
    const stored = store.change(changes, messages);
    for (const tag of tags) tag.closing -= 1;
    const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
    this.#ratio = Math.max(0.02, (this.#ratio + bytes / Math.max(1, batch.bytes)) / 2);
    this.counters.batches += messages.length;
    this.counters.bytes += bytes;
    await stored;
  }
}

/** The tag as it is to be stored. */
export function stateOf(tag: UploadTag): StateChange {
  return { scope: uploadScope, key: `tag/${tag.name}`, value: tag.encode() };
}
