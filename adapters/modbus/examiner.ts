import type { Clock, Log, Sample } from "../../src/adapter-kit/index.ts";
import { formatAddress } from "./address.ts";
import type { ReadRequest } from "./planner.ts";
import { badSample, decodeSamples, type PolledTag } from "./polled-tag.ts";
import type { ReadPlan } from "./read-plan.ts";
import { statusOf, type Outcome } from "./request.ts";

export interface ExaminerOptions {
  readonly plan: ReadPlan;
  readonly clock: Clock;
  readonly log: Log;
  /** The end of the session. */
  readonly signal: AbortSignal;
  /** How long one unanswered request keeps the bus from everybody else, in ms. */
  readonly timeoutMs: number;
  /** Sends one read with the deadline of a poll in no hurry. Rejects when the session is over. */
  read(request: ReadRequest<PolledTag>): Promise<Outcome>;
  emit(samples: readonly Sample[]): void;
}

/** A tag, or several on the very same registers, that the device does not answer for. */
interface Refused {
  readonly tags: readonly PolledTag[];
  retryAt: number;
  waitMs: number;
}

const firstRetryMs = 30_000;
const longestRetryMs = 600_000;
/** Retries of refused tags come no closer together than this. */
const betweenRetriesMs = 1_000;
/** After an unanswered request an examination rests for so many times its timeout: others keep most of the bus. */
const restAfterTimeout = 4;

/**
 * Finds out what is wrong with a request that the device refuses: halves it until only the tags at fault are bad, or
 * until it is clear that a gap between tags, or the length of the request, was the trouble. Tags found bad are tried
 * again, rarely and one by one, and join the others when they answer.
 */
export class RangeExaminer {
  readonly #options: ExaminerOptions;
  readonly #refused: Refused[] = [];
  /** What the log has not been told yet: an examination is one line, however many tags it finds. */
  #newlyRefused: string[] = [];
  #newlyAnswered: string[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(options: ExaminerOptions) {
    this.#options = options;
  }

  /** Takes the request's tags out of the plan at once, and looks at them after those before; never rejects. */
  examine(request: ReadRequest<PolledTag>, outcome: Outcome): void {
    const tags = tagsOf(request);
    const { plan } = this.#options;
    plan.beginExamination(tags);
    const looked = this.#last.then(() => this.#narrow(request, outcome));
    // Only the end of the session rejects a read: nothing is left to be found out then.
    this.#last = looked
      .catch(() => undefined)
      .finally(() => {
        plan.endExamination(tags);
        // What was found before a loss may be the loss's doing, and the next session looks anew.
        if (!this.#options.signal.aborted) this.#logRefused();
      });
  }

  /** A tag read apart has answered outside of its turn. */
  noteAnswered(tags: readonly PolledTag[]): void {
    for (const tag of tags) {
      const at = this.#refused.findIndex((refused) => refused.tags.includes(tag));
      if (at >= 0) this.#readmit(at);
    }
  }

  /** Tries refused tags again until the session is over. */
  async retry(): Promise<void> {
    const { clock, timeoutMs, signal } = this.#options;
    const pauseMs = Math.max(betweenRetriesMs, restAfterTimeout * timeoutMs);
    for (let answered = false; !signal.aborted;) {
      if (!answered) {
        this.#logAnswered();
        await clock.sleep(pauseMs, signal);
      }
      const now = clock.monotonic();
      const due = this.#refused.find((refused) => refused.retryAt <= now);
      answered = due !== undefined && (await this.#retryOne(due));
    }
  }

  /** True where the device answers for it now. */
  async #retryOne(refused: Refused): Promise<boolean> {
    const { plan, clock } = this.#options;
    const [request] = plan.requests(refused.tags);
    if (request === undefined) return false;
    const outcome = await this.#read(request);
    const at = this.#refused.indexOf(refused);
    if (at < 0) return false;
    if (outcome.kind === "data") {
      this.#readmit(at);
      return true;
    }
    refused.waitMs = Math.min(refused.waitMs * 2, longestRetryMs);
    refused.retryAt = clock.monotonic() + refused.waitMs;
    for (const tag of refused.tags) plan.setApart(tag, statusOf(outcome));
    return false;
  }

  /** What made one place answer again may have done so for the others: each gets a try now, until one fails. */
  #readmit(at: number): void {
    const { plan, clock } = this.#options;
    const [refused] = this.#refused.splice(at, 1);
    for (const tag of refused?.tags ?? []) plan.rejoin(tag);
    for (const other of this.#refused) other.retryAt = clock.monotonic();
    for (const tag of refused?.tags ?? []) this.#newlyAnswered.push(tag.name);
  }

  /** `request` just failed with `outcome`. Resolves once each of its tags has been read or set apart. */
  async #narrow(request: ReadRequest<PolledTag>, outcome: Outcome): Promise<void> {
    this.#options.signal.throwIfAborted();
    const places = placesOf(request);
    // A function that the device does not have fails for every address of the table: no need to ask one by one.
    if (places.length === 1 || (outcome.kind === "exception" && outcome.code === 1)) {
      for (const tags of places) this.#refuse(tags, outcome);
      return;
    }
    const { plan } = this.#options;
    const middle = places.length >> 1;
    const halves = [places.slice(0, middle).flat(), places.slice(middle).flat()];
    const parts = halves.flatMap((half) => plan.requests(half));
    let answered = 0;
    for (const part of parts) {
      const found = await this.#read(part);
      if (found.kind === "data") answered += 1;
      else if (isTransient(found)) this.#emitBad(tagsOf(part), found);
      else await this.#narrow(part, found);
    }
    if (answered === parts.length) await this.#learn(request, parts);
  }

  /** Each part answers and the whole does not: what lies between them is at fault, or the length. */
  async #learn(request: ReadRequest<PolledTag>, parts: readonly ReadRequest<PolledTag>[]): Promise<void> {
    const [left, right] = parts;
    if (left === undefined || right === undefined || parts.length > 2) return;
    const again = await this.#read(request);
    if (again.kind === "data" || isTransient(again)) return;
    const { plan, log } = this.#options;
    const { table } = request;
    const gapStart = left.start + left.length;
    if (gapStart < right.start) {
      plan.learnGap(table, gapStart, right.start - 1);
      const from = formatAddress({ table, offset: gapStart });
      log.info(
        { table, start: gapStart, end: right.start - 1 },
        `the device refuses requests across ${from}..${right.start - 1}: these are left out from now on. ` +
          "A hole in the mapping (`requests.holes`) saves finding that out at each start",
      );
      return;
    }
    const most = Math.max(left.length, right.length);
    plan.learnLimit(table, most);
    log.info(
      { table, refused: request.length, most },
      `the device refuses requests of ${request.length} from ${table}: at most ${most} from now on. ` +
        "A limit in the mapping (`requests.maxRegisters`, `maxBits`) saves finding that out at each start",
    );
  }

  #refuse(tags: readonly PolledTag[], outcome: Outcome): void {
    const { plan, clock } = this.#options;
    const status = statusOf(outcome);
    this.#refused.push({ tags, retryAt: clock.monotonic() + firstRetryMs, waitMs: firstRetryMs });
    this.#emitBad(tags, outcome);
    for (const tag of tags) {
      plan.setApart(tag, status);
      this.#newlyRefused.push(`${tag.name} (${formatAddress(tag.mapping.options.address)}, ${status})`);
    }
  }

  #logRefused(): void {
    const tags = this.#newlyRefused;
    this.#newlyRefused = [];
    if (tags.length === 0) return;
    this.#options.log.warn(
      { tags },
      `can't be read: ${listed(tags)}. Check addresses and types in the mapping; ` +
        `the next try is in ${firstRetryMs / 1_000}s`,
    );
  }

  #logAnswered(): void {
    const tags = this.#newlyAnswered;
    this.#newlyAnswered = [];
    if (tags.length > 0) this.#options.log.info({ tags }, `can be read again: ${listed(tags)}`);
  }

  #emitBad(tags: readonly PolledTag[], outcome: Outcome): void {
    this.#options.emit(tags.map((tag) => badSample(tag, statusOf(outcome))));
  }

  async #read(request: ReadRequest<PolledTag>): Promise<Outcome> {
    const { clock, timeoutMs, signal } = this.#options;
    const outcome = await this.#options.read(request);
    if (outcome.kind === "data") this.#options.emit(decodeSamples(request, outcome.bytes));
    else if (outcome.kind === "timeout") await clock.sleep(restAfterTimeout * timeoutMs, signal);
    return outcome;
  }
}

/** Busy, or still at it: says nothing about the addresses. Modbus V1.1b3 §7. */
export function isTransient(outcome: Outcome): boolean {
  return outcome.kind === "exception" && (outcome.code === 5 || outcome.code === 6);
}

/** The first few, and how many more there are. */
function listed(tags: readonly string[]): string {
  const shown = tags.slice(0, 5).join(", ");
  return tags.length > 5 ? `${shown} and ${tags.length - 5} more` : shown;
}

function tagsOf(request: ReadRequest<PolledTag>): PolledTag[] {
  return request.tags.map(({ tag }) => tag);
}

/** The tags of a request by where they lie, in the order of their addresses: those on the very same registers together. */
function placesOf(request: ReadRequest<PolledTag>): PolledTag[][] {
  const places = new Map<string, PolledTag[]>();
  for (const { tag, start, length } of request.tags) {
    const place = `${start}+${length}`;
    const tags = places.get(place);
    if (tags === undefined) places.set(place, [tag]);
    else tags.push(tag);
  }
  return [...places.values()];
}
