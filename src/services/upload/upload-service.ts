import { isDeepStrictEqual } from "node:util";
import { Subscription, type Observable } from "rxjs";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { ActiveRule, UploadConfig } from "../../config/upload.ts";
import { isAbort, toGatewayError } from "../../domain/errors.ts";
import type { Duration } from "../../domain/duration.ts";
import type { PublishedReading, Reading, TagValue } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { PartHealth } from "../../observability/health.ts";
import { isolate } from "../../pipeline/isolate.ts";
import type { StateStore } from "../../store/state-store.ts";
import type { FoldOutput } from "../aggregation/fold.ts";
import { breathing, inBreaths, type Breathe } from "./breath.ts";
import { MetTags, mostMadeTags } from "./met-tags.ts";
import { uploadMetrics } from "./upload-counters.ts";
import { RuleBook } from "./rule-book.ts";
import { stateOf, uploadScope, UploadStream } from "./upload-stream.ts";
import { decodeTag, type UploadTag } from "./upload-tag.ts";

/** How often it is looked whether windows have ended or batches grown old. */
const tickMs = 250;
/** Open windows are stored at most this often, beside what goes with their batches: flash wears out. */
const checkpointMs = 30_000;
/** And so many bytes of them a second at most, over time: thousands of windows are stored less often. */
const checkpointBytesPerMs = 50;
/** So many states are stored in one transaction. */
const statesAtOnce = 64;
/** Late readings are told in the log at most this often. */
const tellEveryMs = 600_000;

export interface UploadOptions {
  readonly gateway: string;
  readonly site: string;
  /** Names the durable state, as the outbox has it: batch numbers begin anew with another. */
  readonly epoch: string;
  readonly readings$: Observable<PublishedReading>;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Log;
}

/** Readings in; by the rules of their tags rows out, in batches that the store hands to the outbox. */
export class UploadService {
  readonly #options: UploadOptions;
  readonly #prefix: string;
  readonly #breathe: Breathe;
  readonly #stopping = new AbortController();
  readonly #subscription = new Subscription();
  #config: UploadConfig;
  readonly #rules: RuleBook;
  #tags = new MetTags();
  readonly #streams = new Map<string, UploadStream>();
  readonly #numbers = new Map<string, number>();
  #running: Promise<void> = Promise.resolve();
  #eventful = new Set<UploadStream>();
  #checkpointAt = 0;
  #toldAt = -Infinity;
  /** Wildcards have made more tags than may be uploaded. */
  #isFull = false;

  constructor(config: UploadConfig, options: UploadOptions) {
    this.#options = options;
    this.#config = config;
    this.#rules = new RuleBook(config, (tag) => this.#outputOf(tag));
    this.#prefix = `${new TagPath("data", options.site).topic}/`;
    this.#breathe = breathing(options.clock);
  }

  get config(): UploadConfig {
    return this.#config;
  }

  /** Goes on with what the store holds. */
  start(): void {
    const { store, readings$, log, clock } = this.#options;
    const stored = store.read(uploadScope);
    for (const [key, value] of stored) {
      if (key.startsWith("batch/")) this.#numbers.set(key.slice("batch/".length), Number(value));
    }
    for (const [key, value] of stored) {
      if (key.startsWith("tag/")) this.#resume(key.slice("tag/".length), value);
    }
    // What tags left behind whose rule is another now is not to meet with what comes.
    void this.#closeAll();
    this.#checkpointAt = clock.monotonic() + checkpointMs;
    this.#subscription.add(readings$.subscribe(isolate("upload", log, ({ reading }) => this.#read(reading))));
    this.#running = this.#tick();
  }

  /** Takes an edited configuration over: tags whose rule is what it was go on as if nothing had been. */
  async apply(config: UploadConfig): Promise<void> {
    if (isDeepStrictEqual(config, this.#config)) return;
    this.#config = config;
    this.#rules.replace(config);
    this.#options.log.info({ tags: Object.keys(config.tags).length }, "the edited upload rules are in force");
    await this.#changeRules();
  }

  /** From now on into windows of at least this length; undefined: as the rules say. What waits already stays as it is. */
  async thin(every: Duration | undefined): Promise<void> {
    if (every === this.#rules.thinTo) return;
    this.#rules.thinTo = every;
    await this.#changeRules();
  }

  async #changeRules(): Promise<void> {
    const tags = new MetTags();
    for (const [topic, tag] of this.#tags.uploaded()) {
      const { name, isNumeric: numeric } = tag;
      const rule = this.#rules.of(name, numeric);
      const isMade = this.#rules.isMade(name);
      const hasRoom = tags.hasRoom(isMade);
      if (hasRoom && isDeepStrictEqual(rule, tag.rule)) tags.add(topic, tag, isMade);
      else {
        this.#end(tag);
        if (hasRoom && rule !== undefined) tags.add(topic, this.#rules.begin(name, rule, numeric), isMade);
      }
    }
    this.#tags = tags;
    this.#isFull = false;
    await this.#closeAll();
  }

  metrics(): Iterable<Metric> {
    return uploadMetrics(this.#streams.values(), [...this.#tags.uploaded()].length);
  }

  /** Undefined where there is nothing to tell. */
  health(): PartHealth | undefined {
    if (!this.#isFull) return undefined;
    return {
      ok: false,
      detail: `wildcards make more than ${mostMadeTags} tags: the others are not uploaded`,
    };
  }

  /** Takes no more; resolves when all rows and open windows are stored. Idempotent. */
  async stop(): Promise<void> {
    this.#subscription.unsubscribe();
    this.#stopping.abort();
    await this.#running;
    await this.#closeAll();
    await this.#checkpoint();
    await this.#options.store.change([]);
  }

  /** The hot path: one look-up for tags that are not uploaded. */
  #read(reading: Reading): void {
    const known = this.#tags.get(reading.path.topic);
    const tag = known === undefined ? this.#meet(reading) : known;
    if (tag === null) return;
    const { timestamp: time, value, quality, status = null, sequence, unit, integerType } = reading;
    const stream = this.#streamOf(tag.rule.stream);
    stream.secure(tag);
    if (tag.isThinned) stream.counters.thinned += 1;
    if (value !== null) tag.isNumeric = isNumeric(value);
    if (unit !== tag.unit) tag.unit = unit;
    if (integerType !== undefined) tag.integerType = integerType;
    const steady = this.#options.clock.monotonic();
    tag.fold.take(tag.state, { time, value, quality, status, sequence }, steady, tag.output);
    this.#after(tag, stream, steady);
  }

  /** What a change of a tag's state may call for. */
  #after(tag: UploadTag, stream: UploadStream, steady: number): void {
    tag.isDirty = tag.fold.durable;
    tag.dueAt = tag.fold.dueAt(tag.state);
    if (tag.rule.kind === "event" && tag.isWaiting) this.#closeSoon(stream);
    else if (stream.isFull(this.#config.batch, steady)) void stream.close();
  }

  /** With all the events of this turn in one batch. */
  #closeSoon(stream: UploadStream): void {
    if (this.#eventful.size === 0) {
      setImmediate(() => {
        const streams = this.#eventful;
        this.#eventful = new Set();
        for (const one of streams) void one.close();
      });
    }
    this.#eventful.add(stream);
  }

  /** The first reading of a topic. */
  #meet({ path: { topic }, value }: Reading): UploadTag | null {
    const name = topic.slice(this.#prefix.length);
    const numeric = value !== null && isNumeric(value);
    const rule = topic.startsWith(this.#prefix) ? this.#rules.of(name, numeric) : undefined;
    if (rule === undefined) {
      this.#tags.pass(topic);
      return null;
    }
    const isMade = this.#rules.isMade(name);
    if (!this.#tags.hasRoom(isMade)) return this.#refuse(name, rule);
    const tag = this.#rules.begin(name, rule, numeric);
    this.#tags.add(topic, tag, isMade);
    return tag;
  }

  /** Too many tags: counted with each reading, told once. */
  #refuse(name: string, { stream }: ActiveRule): null {
    this.#streamOf(stream).counters.refused += 1;
    if (!this.#isFull)
      this.#options.log.warn(
        { tag: name, most: mostMadeTags },
        "wildcards have made more tags than are uploaded: this one and others are not, and counted. Check the topics that match them",
      );
    this.#isFull = true;
    return null;
  }

  #outputOf(tag: UploadTag): FoldOutput {
    const stream = this.#streamOf(tag.rule.stream);
    const { counters } = stream;
    return {
      row: (row) => stream.add(tag, row, this.#options.clock.monotonic()),
      late: (readings) => {
        counters.late += readings;
        this.#tell(tag, "readings came too late for their window and are counted only");
      },
      unfit: () => {
        counters.unfit += 1;
        this.#tell(tag, "readings are of no use to their upload rule and are counted only");
      },
    };
  }

  #tell(tag: UploadTag, message: string): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#toldAt < tellEveryMs) return;
    this.#toldAt = now;
    this.#options.log.warn({ tag: tag.name }, message);
  }

  #streamOf(name: string): UploadStream {
    const known = this.#streams.get(name);
    if (known !== undefined) return known;
    const { gateway, site, epoch, store, log } = this.#options;
    const stream = new UploadStream({
      name,
      gateway,
      site,
      epoch,
      store,
      breathe: this.#breathe,
      thinnedTo: () => this.#rules.thinTo,
      number: this.#numbers.get(name) ?? 0,
      failed: (error) => log.error({ error, stream: name }, "a batch could not be made; its rows are lost"),
    });
    this.#streams.set(name, stream);
    return stream;
  }

  /** A tag that the store knows: goes on where its rule is what it was, else what is open is uploaded as it stands. */
  #resume(name: string, text: string): void {
    const stored = decodeTag(text);
    const rule = this.#rules.of(name, false);
    const steady = this.#options.clock.monotonic();
    const tag = stored === undefined ? undefined : this.#rules.begin(name, stored.rule, false);
    const state = tag?.fold.resume(stored?.state ?? "", steady);
    if (tag === undefined || state === undefined) {
      this.#options.log.error(
        { tag: name },
        "what the store holds of this upload can't be read; it begins anew",
      );
      return;
    }
    tag.state = state;
    if (isDeepStrictEqual(rule, tag.rule)) {
      tag.dueAt = tag.fold.dueAt(tag.state);
      this.#tags.add(`${this.#prefix}${name}`, tag, this.#rules.isMade(name));
    } else this.#end(tag);
  }

  /** What is open comes out, under the rule that was in force. */
  #end(tag: UploadTag): void {
    const stream = this.#streamOf(tag.rule.stream);
    stream.secure(tag);
    tag.fold.finish(tag.state, tag.output);
    stream.end(tag);
  }

  async #tick(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await clock.sleep(tickMs, signal);
        await this.#advance();
        if (clock.monotonic() >= this.#checkpointAt) await this.#checkpoint();
      } catch (caught) {
        if (!isAbort(caught)) log.error({ error: toGatewayError(caught) }, "the upload failed; it goes on");
      }
    }
  }

  async #advance(): Promise<void> {
    const { clock } = this.#options;
    await inBreaths(this.#breathe, this.#tags.uploaded(), ([, tag]) => {
      const steady = clock.monotonic();
      if (tag.dueAt > steady) return;
      const stream = this.#streamOf(tag.rule.stream);
      stream.secure(tag);
      tag.fold.advance(tag.state, steady, tag.output);
      this.#after(tag, stream, steady);
    });
    for (const stream of this.#streams.values()) {
      if (stream.isFull(this.#config.batch, clock.monotonic())) void stream.close();
    }
  }

  /** Stores the states that no batch takes with it. One with rows in a batch must not be stored before the batch is. */
  async #checkpoint(): Promise<void> {
    const { clock, store } = this.#options;
    const began = clock.monotonic();
    let bytes = 0;
    // In the order of the table: neighbours share its pages, and pages are what is written.
    const dirty = [...this.#tags.uploaded()]
      .map(([, tag]) => tag)
      .filter(({ isDirty }) => isDirty)
      .toSorted((one, other) => (one.name < other.name ? -1 : 1));
    for (let at = 0; at < dirty.length; at += statesAtOnce) {
      const free = dirty
        .slice(at, at + statesAtOnce)
        .filter((tag) => tag.isDirty && !tag.isWaiting && tag.closing === 0 && !tag.hasEnded);
      // Written down and handed over in one turn: no batch comes in between.
      const changes = free.map(stateOf);
      store.note(changes);
      bytes += changes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
      const pause = this.#breathe();
      if (pause !== undefined) await pause;
    }
    this.#checkpointAt = began + Math.max(checkpointMs, bytes / checkpointBytesPerMs);
  }

  async #closeAll(): Promise<void> {
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()));
  }
}

function isNumeric(value: TagValue): boolean {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
}
