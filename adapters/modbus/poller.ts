import {
  groupsOf,
  PollGrid,
  toGatewayError,
  type AdapterContext,
  type GatewayError,
} from "../../src/adapter-kit/index.ts";
import type { BusMember, ModbusBus } from "./bus.ts";
import { RangeExaminer, isTransient } from "./examiner.ts";
import { unitLost } from "./messages.ts";
import type { ReadRequest } from "./planner.ts";
import { badSample, decodeSamples, requestOf, type PolledTag } from "./polled-tag.ts";
import type { CyclePlan, PlannedRead, ReadPlan } from "./read-plan.ts";
import { isSilence, statusOf, type Outcome } from "./request.ts";

export interface PollerOptions {
  readonly tags: readonly PolledTag[];
  readonly plan: ReadPlan;
  readonly bus: ModbusBus;
  readonly member: BusMember;
  /** As `connect` of the bus gave it. */
  readonly connection: Awaited<ReturnType<ModbusBus["connect"]>>;
  readonly context: AdapterContext;
}

/** So many requests in a row without an answer, and the unit counts as gone. */
const silentAfter = 3;
/** A request that failed in so many cycles in a row, while others were answered, is looked at more closely. */
const suspectAfter = 3;
/** The deadline of reads that nobody waits for, in ms from now. */
const unhurriedMs = 10_000;

/** Polls one unit over the bus, from the first cycle until the unit falls silent or the connection is lost. */
export class Poller {
  readonly #options: PollerOptions;
  readonly #ending = new AbortController();
  readonly #examiner: RangeExaminer;
  /** Requests that each group still waits for; a group that waits misses its next slots. */
  readonly #waiting = new Map<string, number>();
  /** Groups whose first cycle runs: the slots that it covers were never theirs. */
  readonly #starting = new Set<string>();
  #unanswered = 0;
  #lastAnswered: ReadRequest<PolledTag> | undefined;
  #apartTurn = 0;

  constructor(options: PollerOptions) {
    this.#options = options;
    const { plan, context, member } = options;
    this.#examiner = new RangeExaminer({
      plan,
      clock: context.clock,
      log: context.log,
      signal: this.#ending.signal,
      timeoutMs: member.connection.timeout,
      read: (request) => this.#readInOwnTime(request),
      emit: (samples) => context.emit(samples),
    });
  }

  /** Resolves when aborted; rejects when the unit falls silent (DEVICE_TIMEOUT), or with what ended the connection. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#ending.abort(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    const deafen = this.#options.connection.onEnd((error) => this.#fail(error));
    const ending = this.#ending.signal;
    try {
      await Promise.all([this.#poll(ending), this.#examiner.retry()]);
    } catch (caught) {
      if (!ending.aborted) throw caught;
    } finally {
      signal.removeEventListener("abort", stop);
      deafen();
      stop();
    }
    if (!signal.aborted) throw ending.reason;
  }

  /** Ends `run` from inside; the first reason stands. */
  #fail(error: GatewayError): void {
    this.#ending.abort(error);
  }

  async #poll(ending: AbortSignal): Promise<void> {
    const { tags, context } = this.#options;
    const { clock, metrics } = context;
    const groups = groupsOf(tags);
    const grid = new PollGrid(groups, context.phase, clock.monotonic());
    const names = groups.map((group) => group.name);
    for (const name of names) this.#starting.add(name);
    this.#begin(names, clock.monotonic());
    while (!ending.aborted) {
      const wait = grid.next() - clock.monotonic();
      await clock.sleep(Math.min(Math.max(1, Math.ceil(wait)), 1_000_000), ending);
      const now = clock.monotonic();
      const { due, missed } = grid.take(now);
      for (let count = 0; count < Math.min(missed, 100); count += 1) metrics.fault("overrun");
      const free = due.filter((name) => this.#isFree(name));
      if (free.length > 0) this.#begin(free, now);
    }
  }

  #isFree(group: string): boolean {
    if ((this.#waiting.get(group) ?? 0) === 0) return true;
    if (!this.#starting.has(group)) this.#options.context.metrics.fault("overrun");
    return false;
  }

  #begin(groups: readonly string[], now: number): void {
    const { plan, context } = this.#options;
    const cycle = plan.cycle(groups);
    const apart = { told: cycle.apart.length === 0 };
    const tell = () => {
      if (apart.told) return;
      apart.told = true;
      context.emit(cycle.apart);
    };
    for (const read of cycle.reads) void this.#send(read, now + read.intervalMs, tell);
    if (cycle.reads.length === 0 && cycle.apartTags.length > 0) void this.#sendApart(cycle, groups, tell);
  }

  /** Where all tags are apart, one of them is read a cycle: the device must be heard of. */
  async #sendApart(cycle: CyclePlan, groups: readonly string[], tell: () => void): Promise<void> {
    this.#apartTurn += 1;
    const tag = cycle.apartTags[this.#apartTurn % cycle.apartTags.length];
    const [request] = tag === undefined ? [] : this.#options.plan.requests([tag]);
    if (request === undefined || tag === undefined) return;
    await this.#counted(groups, async () => {
      const outcome = await this.#readInOwnTime(request);
      if (outcome.kind !== "data") {
        if (!isSilence(outcome)) tell();
        return;
      }
      this.#options.context.emit(decodeSamples(request, outcome.bytes));
      this.#examiner.noteAnswered([tag]);
    });
  }

  async #send(read: PlannedRead, deadline: number, tell: () => void): Promise<void> {
    const { request } = read;
    await this.#counted(read.groups, () =>
      this.#submit(request, request.event === true ? 1 : 2, deadline, (outcome) => {
        if (outcome.kind === "data") {
          read.failures = 0;
          this.#options.context.emit(decodeSamples(request, outcome.bytes));
        } else this.#takeFailure(read, outcome);
        if (!isSilence(outcome)) tell();
      }),
    );
  }

  /** Keeps the groups busy while the work lasts. The end of the session rejects reads: `run` has its reason already. */
  async #counted(groups: readonly string[], work: () => Promise<unknown>): Promise<void> {
    for (const group of groups) this.#waiting.set(group, (this.#waiting.get(group) ?? 0) + 1);
    try {
      await work();
    } catch (caught) {
      if (!this.#ending.signal.aborted) this.#fail(toGatewayError(caught));
    } finally {
      for (const group of groups) {
        const left = (this.#waiting.get(group) ?? 1) - 1;
        this.#waiting.set(group, left);
        if (left === 0) this.#starting.delete(group);
      }
    }
  }

  #takeFailure(read: PlannedRead, outcome: Outcome): void {
    const { request } = read;
    const { context, plan } = this.#options;
    // A request sent before its tags came under examination tells nothing new.
    if (request.tags.some(({ tag }) => plan.isExamined(tag))) return;
    read.failures += 1;
    if (isTransient(outcome)) {
      context.emit(request.tags.map(({ tag }) => badSample(tag, statusOf(outcome))));
      return;
    }
    // One lost answer is no news: the tags' stale limits watch over their age. A device that refuses is, and which tags are at
    // fault is found out before any is bad.
    if (!isSilence(outcome) || read.failures >= suspectAfter) this.#examiner.examine(request, outcome);
  }

  #readInOwnTime(request: ReadRequest<PolledTag>): Promise<Outcome> {
    return this.#submit(request, 2, this.#options.context.clock.monotonic() + unhurriedMs);
  }

  /** The outcome is judged inside the turn on the bus: what follows from it comes before the next request. */
  #submit(
    request: ReadRequest<PolledTag>,
    rank: 0 | 1 | 2,
    deadline: number,
    take: (outcome: Outcome) => void = () => undefined,
  ): Promise<Outcome> {
    const { bus, member } = this.#options;
    return bus.submit({
      member,
      rank,
      deadline,
      signal: this.#ending.signal,
      work: async (exchange) => {
        const outcome = await exchange(requestOf(request, member.connection.unitId));
        if (!this.#ending.signal.aborted) {
          this.#judge(request, outcome);
          // Where that ended the session, the tags are the supervisor's to mark.
          if (!this.#ending.signal.aborted) take(outcome);
        }
        return outcome;
      },
    });
  }

  /** Three requests in a row without an answer end the session; the third is one that the unit answered before. */
  #judge(request: ReadRequest<PolledTag>, outcome: Outcome): void {
    if (!isSilence(outcome)) {
      this.#unanswered = 0;
      this.#lastAnswered = request;
      return;
    }
    const { bus, member } = this.#options;
    this.#unanswered += 1;
    if (this.#unanswered >= this.#lostAfter(outcome)) {
      this.#fail(unitLost(member, outcome));
      bus.declareSilent(member);
    } else if (this.#unanswered === silentAfter - 1 && this.#lastAnswered !== undefined) {
      this.#submit(this.#lastAnswered, 0, 0).catch(() => undefined);
    }
  }
  /** A unit that talks is asked everything before it counts as gone: what it answers well may come last. */
  #lostAfter(outcome: Outcome): number {
    const { plan, tags, member } = this.#options;
    const talks = outcome.kind === "garbled" && member.connection.transport === "tcp";
    if (!talks || this.#lastAnswered !== undefined) return silentAfter;
    return Math.max(silentAfter, 2 * plan.requests(tags).length);
  }
}
