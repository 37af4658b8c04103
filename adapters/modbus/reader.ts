import { GatewayError, type Clock, type Sample } from "../../src/adapter-kit/index.ts";
import type { BusMember, ModbusBus } from "./bus.ts";
import { badSample, decodeSamples, requestOf, type PolledTag } from "./polled-tag.ts";
import type { ReadPlan } from "./read-plan.ts";
import { isSilence, statusOf } from "./request.ts";

export interface ReaderOptions {
  readonly tags: readonly PolledTag[];
  readonly plan: ReadPlan;
  readonly bus: ModbusBus;
  readonly member: BusMember;
  readonly clock: Clock;
}

/** Reads tags of one unit when somebody asks, ahead of all polls. */
export class Reader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** One sample a tag, in the order given; where a shared request brings no data, each of its tags is asked for alone. */
  async read(names: readonly string[], signal: AbortSignal): Promise<Sample[]> {
    const wanted = names.map((name) => this.#tag(name));
    const samples = new Map<string, Sample>();
    await this.#readAll([...new Set(wanted)], samples, signal);
    return wanted.map((tag) => samples.get(tag.name) ?? badSample(tag, "Timeout"));
  }

  async #readAll(
    tags: readonly PolledTag[],
    samples: Map<string, Sample>,
    signal: AbortSignal,
  ): Promise<void> {
    const { plan, bus, member, clock } = this.#options;
    const unanswered: PolledTag[] = [];
    let answered = 0;
    for (const request of plan.requests(tags)) {
      const outcome = await bus.submit({
        member,
        rank: 0,
        deadline: clock.monotonic(),
        signal,
        work: (exchange) => exchange(requestOf(request, member.connection.unitId)),
      });
      const asked = request.tags.map(({ tag }) => tag);
      const isSilent = outcome.kind !== "garbled" && isSilence(outcome);
      if (!isSilent) answered += 1;
      if (outcome.kind !== "data" && !isSilent && asked.length > 1) {
        for (const tag of asked) await this.#readAll([tag], samples, signal);
        continue;
      }
      if (isSilent && asked.length > 1) unanswered.push(...asked);
      const found =
        outcome.kind === "data"
          ? decodeSamples(request, outcome.bytes)
          : asked.map((tag) => badSample(tag, statusOf(outcome)));
      for (const sample of found) samples.set(sample.tag, sample);
    }
    // A unit that answers nothing at all is not asked for each tag.
    if (answered === 0) return;
    for (const tag of unanswered) await this.#readAll([tag], samples, signal);
  }

  #tag(name: string): PolledTag {
    const tag = this.#options.tags.find((candidate) => candidate.name === name);
    if (tag !== undefined) return tag;
    throw new GatewayError("INTERNAL", `the mapping has no tag ${name}`, { context: { tag: name } });
  }
}
