import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import { toGatewayError } from "../../domain/errors.ts";
import type { StateStore } from "../../store/state-store.ts";
import { genesis, sealEntry, type ChainHead } from "./audit-entry.ts";
import { AuditFiles, listSegments, readSegment, syncSegment, type AuditLimits } from "./audit-files.ts";
import { auditScope, headMark, readMarks, segmentKind, type AuditMark } from "./audit-segment.ts";
import { recoverChain } from "./recover-chain.ts";
import type { SegmentText } from "./verify-chain.ts";

/** Takes what is to be found in the audit. */
export interface AuditRecorder {
  /**
   * Recorded in the order of the calls, at once. Resolves when the entry would outlive the process, or the disk is too slow
   * to be waited for; never rejects.
   *
   * @param kind the last part of the subject, such as `write`; `fields` must be fit for JSON
   */
  record(kind: string, fields: object): Promise<void>;
}

export interface AuditTrailOptions {
  readonly gateway: string;
  /** The folder of the segments, absolute; made with the first entry. */
  readonly dir: string;
  readonly limits: AuditLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: StateStore;
  publish(subject: string, payload: Uint8Array): unknown;
}

/** A line that is chained already and waits for the disk. */
interface SealedLine {
  readonly line: string;
  readonly head: ChainHead;
  readonly segment: number;
}

const largestSegment = 4_000_000;
/** So that retention by size keeps most of what it may. */
const segmentsKept = 16;
const segmentAgeMs = 86_400_000;
/** Entries of this time are made durable together: at most five syncs a second, whatever is written. */
const groupMs = 200;
const retryMs = 5_000;
/** A disk that takes longer holds up nobody's reply. */
const patienceMs = 100;
/** The most entries that wait for a disk that refuses them. */
const mostWaiting = 10_000;

/**
 * The audit: every entry chained to the one before by its hash, published on `audit.<gateway>.<kind>`, and appended to
 * segments of JSON lines. A line is written at once, and whoever recorded it waits for that, so that a kill loses nothing
 * that was answered; it is synced with others, so that a power cut loses at most the last 200 ms; then the state store
 * gets the head, against which a cut end shows.
 */
export class AuditTrail implements AuditRecorder {
  readonly counters = { entries: 0, lost: 0 };
  readonly #options: AuditTrailOptions;
  readonly #files: AuditFiles;
  readonly #stopping = new AbortController();
  #head: ChainHead = genesis;
  #segment = 0;
  /** Of the segment that entries are sealed for; undefined until the first entry of this run. */
  #sealed: { bytes: number; readonly since: number } | undefined;
  #waiting: SealedLine[] = [];
  #written: SealedLine | undefined;
  /** The last entry that is surely on disk, as the state store is told of it. */
  #end: AuditMark | undefined;
  /** Entries that an earlier run left beyond what the state store knew; told with the first segment of this one. */
  #unknown = 0;
  /** One file operation after the other. */
  #io: Promise<void> = Promise.resolve();
  #appending = false;
  #syncing = false;
  #failing = false;
  #closed = false;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
    this.#files = new AuditFiles(options.dir);
  }

  /** Finds the end of the chain. Never rejects: a trail that can't be read is told, and a new segment begun. */
  async start(): Promise<void> {
    const { dir, store, log } = this.#options;
    const numbers = await listSegments(dir);
    const marks = readMarks(store.read(auditScope));
    const last = await lastSegment(dir, numbers);
    const { head, segment, problem, unknown } = recoverChain(last, marks);
    this.#head = head;
    this.#segment = Math.max(segment, numbers.at(-1) ?? 0);
    this.#unknown = unknown;
    if (problem !== undefined) {
      log.error(
        { dir, problem },
        "The audit was changed while the gateway was down; see linegate audit verify",
      );
      return;
    }
    if (last === undefined) return;
    if (unknown > 0)
      log.warn(
        { dir, entries: unknown },
        "The gateway was killed: what its audit had written last is taken over",
      );
    await syncSegment(dir, last.number).catch(() => undefined);
    this.#end = { ...head, segment: last.number };
    // From here on a kill may leave more than the store knows: that must not look as if it had been stopped.
    await store.change([headMark(this.#end, false)]);
  }

  async record(kind: string, fields: object): Promise<void> {
    const { clock, gateway, limits, log } = this.#options;
    if (this.#closed) {
      // The store is told that nothing comes after: it would look like an entry that somebody added.
      this.counters.lost += 1;
      log.error({ kind, ...fields }, "This came after the audit had been stopped, and is in the log alone");
      return;
    }
    const now = clock.now();
    const sealed = this.#sealed;
    const full = Math.min(largestSegment, limits.maxBytes / segmentsKept);
    if (sealed === undefined || sealed.bytes >= full || now - sealed.since >= segmentAgeMs) {
      this.#segment += 1;
      this.#sealed = { bytes: 0, since: now };
      const takenOver = this.#unknown > 0 ? { takenOver: this.#unknown } : {};
      this.#unknown = 0;
      this.#seal(
        segmentKind,
        { gateway, segment: this.#segment, previous: this.#head.hash, ...takenOver },
        now,
      );
    }
    this.#seal(kind, fields, now);
    this.#appendSoon();
    this.#syncSoon();
    const appended = new AbortController();
    const patience = clock.sleep(patienceMs, appended.signal).catch(() => undefined);
    await Promise.race([this.#io, patience]);
    appended.abort();
  }

  /** Resolves when all that was recorded is on disk, or the disk refuses it. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // Where the disk refused, this is the last try.
    this.#appending = false;
    this.#appendSoon();
    await this.#io;
    await this.#sync();
    await this.#files.close().catch(() => undefined);
    this.#closed = true;
    const end = this.#end;
    if (end?.sequence === this.#head.sequence) await this.#options.store.change([headMark(end, true)]);
  }

  #seal(kind: string, fields: object, timestamp: number): void {
    const { gateway } = this.#options;
    const { line, head } = sealEntry({ timestamp, kind, ...fields }, this.#head);
    this.#head = head;
    this.counters.entries += 1;
    if (this.#sealed !== undefined) this.#sealed.bytes += line.length;
    this.#waiting.push({ line, head, segment: this.#segment });
    this.#options.publish(`audit.${gateway}.${kind}`, Buffer.from(line));
  }

  #appendSoon(): void {
    if (this.#appending) return;
    this.#appending = true;
    this.#io = this.#io.then(() => this.#append());
  }

  async #append(): Promise<void> {
    this.#appending = false;
    const { clock, log } = this.#options;
    try {
      while (this.#waiting.length > 0) await this.#appendSegment();
      if (this.#failing) log.info({ dir: this.#options.dir }, "The audit is written to disk again");
      this.#failing = false;
    } catch (caught) {
      if (!this.#failing) {
        const fields = {
          dir: this.#options.dir,
          error: toGatewayError(caught).message,
          nextTryInMs: retryMs,
        };
        log.error(
          fields,
          "The audit can't be written to disk; entries wait in memory. Check the disk's space and rights",
        );
      }
      this.#failing = true;
      this.#drop();
      // Until then what comes in waits as well.
      this.#appending = true;
      void clock.sleep(retryMs, this.#stopping.signal).then(
        () => {
          this.#appending = false;
          this.#appendSoon();
          this.#syncSoon();
        },
        () => undefined,
      );
    }
  }

  async #appendSegment(): Promise<void> {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const group = this.#waiting.filter(({ segment }) => segment === first.segment);
    const begins = this.#written?.segment !== first.segment;
    await this.#files.append(
      first.segment,
      group.map(({ line }) => line),
    );
    this.#waiting.splice(0, group.length);
    this.#written = group.at(-1);
    if (begins) await this.#retain();
  }

  /** The store knows the new beginning before the old one goes: a kill in between leaves a segment too many, not a gap. */
  async #retain(): Promise<void> {
    const { limits, clock, store } = this.#options;
    const outgrown = await this.#files.outgrown(limits, clock.now());
    if (outgrown === undefined) return;
    const { gone, oldest } = outgrown;
    const anchor = { ...oldest.before, segment: oldest.number };
    if (
      (await store.change([{ scope: auditScope, key: "anchor", value: JSON.stringify(anchor) }])) !== "stored"
    )
      return;
    await this.#files.remove(gone);
  }

  #syncSoon(): void {
    if (this.#syncing) return;
    this.#syncing = true;
    const { clock } = this.#options;
    void clock.sleep(groupMs, this.#stopping.signal).then(
      () => {
        this.#syncing = false;
        this.#io = this.#io.then(() => this.#sync());
      },
      () => undefined,
    );
  }

  async #sync(): Promise<void> {
    const written = this.#written;
    if (written === undefined) return;
    try {
      await this.#files.sync();
    } catch (caught) {
      this.#options.log.error(
        { error: toGatewayError(caught).message },
        "The audit could not be made durable",
      );
      return;
    }
    this.#end = { ...written.head, segment: written.segment };
    await this.#options.store.change([headMark(this.#end, false)]);
  }

  #drop(): void {
    const tooMany = this.#waiting.length - mostWaiting;
    if (tooMany <= 0) return;
    this.#waiting.splice(0, tooMany);
    this.counters.lost += tooMany;
  }
}

/** The newest that holds a whole line: after a kill there may be one that does not. */
async function lastSegment(dir: string, numbers: readonly number[]): Promise<SegmentText | undefined> {
  for (const number of numbers.toReversed()) {
    const segment = await readSegment(dir, number).catch(() => undefined);
    if (segment?.text.includes("\n") === true) return segment;
  }
  return undefined;
}
