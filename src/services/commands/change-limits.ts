import type { WriteRule } from "../../adapter-kit/mapping.ts";
import { formatDuration, ms } from "../../domain/duration.ts";
import type { TagValue } from "../../domain/reading.ts";
import type { TagState } from "../../normalise/tag-state.ts";
import { refuse } from "./refusal.ts";

/** What is left of a tag's rate of change. It fills up evenly, to `rate.max` at most, and each change takes from it. */
export interface RateBudget {
  readonly left: number;
  /** Monotonic ms. */
  readonly at: number;
}

/** The last write to a tag, as far as later ones are judged by it. */
export interface LastWrite {
  /** Undefined where it was not confirmed: the device may hold either value. */
  readonly value: number | undefined;
  /** Monotonic ms of its end. */
  readonly at: number;
}

/** What came before, where a tag limits steps or rates. */
export interface ChangeHistory {
  readonly last?: LastWrite | undefined;
  readonly budget?: RateBudget | undefined;
}

/**
 * The value that a change is reckoned from: the last write's where nothing was read since, else the last reading's.
 * Undefined where neither is known for good.
 */
function presentValue(tag: TagState, { last }: ChangeHistory): number | undefined {
  if (last !== undefined && tag.sampledAt <= last.at) return last.value;
  const { published } = tag;
  return published?.quality === "good" ? asNumber(published.value) : undefined;
}

function asNumber(value: TagValue | null): number | undefined {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

/** What may be spent at a time: over any span the value moves by at most `max` × (1 + span ÷ per). */
export function budgetAt(
  { max, per }: NonNullable<WriteRule["rate"]>,
  before: RateBudget | undefined,
  now: number,
) {
  if (before === undefined) return max;
  return Math.min(max, before.left + (max * Math.max(0, now - before.at)) / per);
}

/**
 * Refuses a value that lies too far from the present one, or that gets there too fast. Gives what the rate has left
 * afterwards, to be kept once the write went out; undefined where the tag has no rate.
 */
export function checkChange(
  value: TagValue,
  tag: TagState,
  history: ChangeHistory,
  now: number,
  name: string,
): RateBudget | undefined {
  const { maxStep, rate } = tag.mapping.write ?? {};
  if (maxStep === undefined && rate === undefined) return undefined;
  const wanted = typeof value === "string" ? Number(value) : asNumber(value);
  const present = presentValue(tag, history);
  if (present === undefined || wanted === undefined) {
    return refuse(
      maxStep === undefined ? "rate" : "step",
      name,
      `its present value is not known for good (${tag.published?.status ?? "not read yet"}), and how far a write may change it is limited`,
    );
  }
  const unit = tag.mapping.unit === undefined ? "" : ` ${tag.mapping.unit}`;
  const change = Math.abs(wanted - present);
  // What floating point adds is nobody's step.
  const slack = 1e-9 * Math.max(Math.abs(wanted), Math.abs(present));
  if (maxStep !== undefined && change > maxStep + slack) {
    refuse(
      "step",
      name,
      `from ${present}${unit} to ${wanted}${unit} is more than one step, ${maxStep}${unit}`,
    );
  }
  if (rate === undefined) return undefined;
  const left = budgetAt(rate, history.budget, now);
  if (change <= left + slack) return { left: Math.max(0, left - change), at: now };
  const limit = `${rate.max}${unit} per ${formatDuration(rate.per)}`;
  const wait =
    change > rate.max
      ? "It takes several smaller writes"
      : `It may be tried again in ${formatDuration(ms(Math.ceil(((change - left) * rate.per) / rate.max)))}`;
  return refuse("rate", name, `from ${present}${unit} to ${wanted}${unit} is faster than ${limit}. ${wait}`);
}
