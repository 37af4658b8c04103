import type { AlertCondition } from "../../config/alerts.ts";
import { dueAt, observe, truthOf, type Leaf, type LeafState, type Seen } from "./leaf.ts";

/** The leaves of a condition in the order in which they stand. */
export function leavesOf(condition: AlertCondition): readonly Leaf[] {
  if (isGroup(condition)) return condition.of.flatMap(leavesOf);
  return condition.kind === "not" ? leavesOf(condition.of) : [condition];
}

/** Gives every leaf what was seen; the same array where nothing changed. */
export function observeAll(
  leaves: readonly Leaf[],
  states: readonly LeafState[],
  seen: Seen,
  now: number,
): readonly LeafState[] {
  let changed: LeafState[] | undefined;
  for (const [index, leaf] of leaves.entries()) {
    const before = states[index];
    if (before === undefined) continue;
    const after = observe(leaf, before, seen, now);
    if (after === before) continue;
    changed ??= [...states];
    changed[index] = after;
  }
  return changed ?? states;
}

/** What holds of each leaf now; null: nothing is known yet. */
export function truthsOf(
  leaves: readonly Leaf[],
  states: readonly LeafState[],
  now: number,
): readonly (boolean | null)[] {
  return leaves.map((leaf, index) => truthOf(leaf, states[index] ?? { truth: null }, now));
}

/** Kleene's three values: what is not known counts only where it could make a difference. */
export function evaluate(condition: AlertCondition, truths: readonly (boolean | null)[]): boolean | null {
  return walk(condition, truths, 0).truth;
}

/** The first leaf that holds, for people who ask what it was. */
export function reasonOf(leaves: readonly Leaf[], truths: readonly (boolean | null)[]): Leaf | undefined {
  return leaves[Math.max(0, truths.indexOf(true))];
}

/** When time alone may change what holds, in ms; Infinity: never. */
export function conditionDueAt(leaves: readonly Leaf[], states: readonly LeafState[], now: number): number {
  return Math.min(...leaves.map((leaf, index) => dueAt(leaf, states[index] ?? { truth: null }, now)));
}

interface Walked {
  readonly truth: boolean | null;
  /** The index of the leaf after it. */
  readonly next: number;
}

function walk(condition: AlertCondition, truths: readonly (boolean | null)[], at: number): Walked {
  if (condition.kind === "not") {
    const { truth, next } = walk(condition.of, truths, at);
    return { truth: truth === null ? null : !truth, next };
  }
  if (!isGroup(condition)) return { truth: truths[at] ?? null, next: at + 1 };
  const decides = condition.kind === "any";
  let next = at;
  let truth: boolean | null = !decides;
  for (const part of condition.of) {
    const walked = walk(part, truths, next);
    ({ next } = walked);
    if (walked.truth === decides) truth = decides;
    else if (walked.truth === null && truth !== decides) truth = null;
  }
  return { truth, next };
}

type Group = Extract<AlertCondition, { readonly kind: "all" | "any" }>;

function isGroup(condition: AlertCondition): condition is Group {
  return condition.kind === "all" || condition.kind === "any";
}
