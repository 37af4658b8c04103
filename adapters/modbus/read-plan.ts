import { groupsOf, type Sample } from "../../src/adapter-kit/index.ts";
import { isBitTable, type Hole, type Table } from "./address.ts";
import type { ModbusDevice } from "./mapping.ts";
import { planReads, touches, type CostModel, type ReadRequest, type RequestLimits } from "./planner.ts";
import { badSample, type PolledTag } from "./polled-tag.ts";
import { costModelOf, limitsOf } from "./tag.ts";

/** One request of a cycle. */
export interface PlannedRead {
  readonly request: ReadRequest<PolledTag>;
  /** The shortest poll interval of its tags: by then it should be answered. */
  readonly intervalMs: number;
  /** The poll groups of its tags. */
  readonly groups: readonly string[];
  /** Cycles in a row in which it failed in a way that may pass. */
  failures: number;
}

/** What is to be done when a set of poll groups is due. */
export interface CyclePlan {
  readonly reads: readonly PlannedRead[];
  /** What is known of the tags that are read apart. */
  readonly apart: readonly Sample[];
  /** Those tags. */
  readonly apartTags: readonly PolledTag[];
}

/**
 * Which requests read the tags, given what the mapping says of the device and what the device has taught since: tags
 * that it refuses, gaps that it can't bridge, requests that are too long for it. Plans are kept by set of due groups.
 */
export class ReadPlan {
  readonly #tags: readonly PolledTag[];
  readonly #limits: RequestLimits;
  readonly #cost: CostModel;
  readonly #plans = new Map<string, CyclePlan>();
  readonly #bad = new Map<PolledTag, string>();
  readonly #examined = new Set<PolledTag>();
  readonly #gaps: Hole[] = [];
  #maxRegisters: number;
  #maxBits: number;

  constructor(tags: readonly PolledTag[], device: ModbusDevice) {
    this.#tags = tags;
    this.#limits = limitsOf(device.options);
    this.#cost = costModelOf(device.connection, device.options);
    this.#maxRegisters = this.#limits.maxRegisters;
    this.#maxBits = this.#limits.maxBits;
  }

  /** The plan for a set of due groups. */
  cycle(groups: readonly string[]): CyclePlan {
    const key = groups.join("\n");
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const due = this.#tags.filter((tag) => tag.group !== undefined && groups.includes(tag.group.name));
    const apartTags = due.filter((tag) => this.#bad.has(tag) && !this.#examined.has(tag));
    const plan: CyclePlan = {
      reads: this.requests(due.filter((tag) => !this.#bad.has(tag) && !this.#examined.has(tag))).map(planned),
      apart: apartTags.map((tag) => badSample(tag, this.#bad.get(tag) ?? "")),
      apartTags,
    };
    this.#plans.set(key, plan);
    return plan;
  }

  /** The requests that read just these tags, around everything learned. */
  requests(tags: readonly PolledTag[]): ReadRequest<PolledTag>[] {
    const spans = tags.map((tag) => tag.span);
    const wanted = (hole: Hole) => spans.some((span) => touches(span, hole));
    const refused = [...this.#bad.keys()]
      .filter((tag) => !tags.includes(tag))
      .map(({ span }): Hole => ({ table: span.table, start: span.start, end: span.start + span.length - 1 }));
    const learned = [...this.#gaps, ...refused].filter((hole) => !wanted(hole));
    const longest = (bits: boolean) =>
      Math.max(0, ...spans.filter((span) => isBitTable(span.table) === bits).map((span) => span.length));
    return planReads(
      spans,
      {
        ...this.#limits,
        maxRegisters: Math.max(this.#maxRegisters, longest(false)),
        maxBits: Math.max(this.#maxBits, longest(true)),
        holes: [...this.#limits.holes, ...learned],
      },
      this.#cost,
    );
  }

  /** These tags are being looked at one by one: no cycle reads them meanwhile. */
  beginExamination(tags: readonly PolledTag[]): void {
    for (const tag of tags) this.#examined.add(tag);
    this.#plans.clear();
  }

  endExamination(tags: readonly PolledTag[]): void {
    for (const tag of tags) this.#examined.delete(tag);
    this.#plans.clear();
  }

  /** True while the tag is looked at. */
  isExamined(tag: PolledTag): boolean {
    return this.#examined.has(tag);
  }

  /** The tag is read apart from now on, and no request for others touches its registers. */
  setApart(tag: PolledTag, status: string): void {
    this.#bad.set(tag, status);
    this.#plans.clear();
  }

  /** The tag answers again. */
  rejoin(tag: PolledTag): void {
    if (this.#bad.delete(tag)) this.#plans.clear();
  }

  /** No request bridges these addresses from now on. */
  learnGap(table: Table, start: number, end: number): void {
    this.#gaps.push({ table, start, end });
    this.#plans.clear();
  }

  /** No request is longer from now on. */
  learnLimit(table: Table, most: number): void {
    if (isBitTable(table)) this.#maxBits = most;
    else this.#maxRegisters = most;
    this.#plans.clear();
  }
}

function planned(request: ReadRequest<PolledTag>): PlannedRead {
  const groups = groupsOf(request.tags.map(({ tag }) => tag));
  return {
    request,
    intervalMs: Math.min(...groups.map(({ interval }) => interval)),
    groups: groups.map(({ name }) => name),
    failures: 0,
  };
}
