import type { AlertMoment, AlertRule } from "../../config/alerts.ts";
import {
  newLife,
  type AlertEvent,
  type AlertLife,
  type AlertRuntime,
  type Cause,
  type OpenAction,
} from "./alert-state.ts";
import { callFor, isSameAction, putAside } from "./open-actions.ts";
import { conditionDueAt, evaluate, leavesOf, observeAll, reasonOf, truthsOf } from "./condition.ts";
import { begin, resume, type Leaf, type LeafState, type Seen } from "./leaf.ts";
import {
  clampDelays,
  lifeDueAt,
  request,
  settle,
  type AlertRequest,
  type Moment,
  type Transition,
  type Truths,
} from "./lifecycle.ts";

/** A rule, taken apart once. */
export interface AlertPlan {
  readonly rule: AlertRule;
  readonly when: readonly Leaf[];
  readonly suppress: readonly Leaf[];
}

export type AlertInput =
  | { readonly kind: "seen"; readonly seen: Seen }
  /** How things are known to stand, all of it before anything is decided. */
  | { readonly kind: "known"; readonly seen: readonly Seen[] }
  /** Time has passed. */
  | { readonly kind: "tick" }
  /** An action is done, is given up (`waitsFor` null), or waits for a device. */
  | { readonly kind: "action"; readonly action: OpenAction; readonly waitsFor?: string }
  | { readonly kind: "request"; readonly request: AlertRequest };

export interface Stepped {
  /** The same object where nothing changed. */
  readonly runtime: AlertRuntime;
  readonly transitions: readonly Transition[];
  /** Why a request was not done. */
  readonly refused?: string;
}

export function planAlert(rule: AlertRule): AlertPlan {
  const suppress = rule.suppressWhile === undefined ? [] : leavesOf(rule.suppressWhile);
  return { rule, when: leavesOf(rule.when), suppress };
}

/** An alert of which nothing is known yet. */
export function freshRuntime(plan: AlertPlan, { steady }: Moment): AlertRuntime {
  return {
    life: newLife,
    when: plan.when.map((leaf) => begin(leaf, steady)),
    suppress: plan.suppress.map((leaf) => begin(leaf, steady)),
  };
}

/** An alert as it goes on after a restart, or with an edited rule: what it was it stays, until something new is seen. */
export function resumeRuntime(
  plan: AlertPlan,
  stored: AlertRuntime,
  sameConditions: boolean,
  moment: Moment,
): AlertRuntime {
  const life = clampDelays(plan.rule, stored.life, moment.steady);
  if (!sameConditions) return { ...freshRuntime(plan, moment), life: { ...life, onAt: null, offAt: null } };
  const resumeAll = (leaves: readonly Leaf[], states: readonly LeafState[]) =>
    leaves.map((leaf, index) => resume(leaf, states[index] ?? begin(leaf, moment.steady), moment.steady));
  return {
    life,
    when: resumeAll(plan.when, stored.when),
    suppress: resumeAll(plan.suppress, stored.suppress),
  };
}

/** The whole of one alert: what it is next, and what is to be told of it. Pure. */
export function step(plan: AlertPlan, before: AlertRuntime, input: AlertInput, moment: Moment): Stepped {
  switch (input.kind) {
    case "seen": {
      const when = observeAll(plan.when, before.when, input.seen, moment.steady);
      const suppress = observeAll(plan.suppress, before.suppress, input.seen, moment.steady);
      if (when === before.when && suppress === before.suppress) return { runtime: before, transitions: [] };
      return look(plan, { life: before.life, when, suppress }, moment);
    }
    case "known": {
      let { when, suppress } = before;
      for (const seen of input.seen) {
        when = observeAll(plan.when, when, seen, moment.steady);
        suppress = observeAll(plan.suppress, suppress, seen, moment.steady);
      }
      const isSame = when === before.when && suppress === before.suppress;
      return look(plan, isSame ? before : { ...before, when, suppress }, moment);
    }
    case "tick":
      return look(plan, before, moment);
    case "action": {
      const life = withoutAction(before.life, input.action, input.waitsFor);
      return { runtime: { ...before, life }, transitions: [] };
    }
    case "request": {
      const { when } = holding(plan, before, moment);
      const { life, transitions, refused } = request(plan.rule, before.life, input.request, when, moment);
      if (refused !== undefined) return { runtime: before, transitions, refused };
      // What comes back to service is looked at anew at once.
      const after = look(
        plan,
        { ...before, life: withActions(plan.rule, life, transitions, moment) },
        moment,
      );
      return { ...after, transitions: [...transitions, ...after.transitions] };
    }
  }
}

/** When time alone changes something, in ms of the steady clock; Infinity: never. */
export function runtimeDueAt(
  { when, suppress }: AlertPlan,
  runtime: AlertRuntime,
  { steady }: Moment,
): number {
  return Math.min(
    lifeDueAt(runtime.life, steady),
    conditionDueAt(when, runtime.when, steady),
    conditionDueAt(suppress, runtime.suppress, steady),
  );
}

function look(plan: AlertPlan, runtime: AlertRuntime, moment: Moment): Stepped {
  const { rule } = plan;
  const settled = settle(rule, runtime.life, holding(plan, runtime, moment), moment);
  const life = withActions(rule, settled.life, settled.transitions, moment);
  return {
    runtime: life === runtime.life ? runtime : { ...runtime, life },
    transitions: settled.transitions,
  };
}

function holding({ rule, ...plan }: AlertPlan, runtime: AlertRuntime, moment: Moment): Truths {
  const truths = truthsOf(plan.when, runtime.when, moment.steady);
  const suppressTruths = truthsOf(plan.suppress, runtime.suppress, moment.steady);
  return {
    when: evaluate(rule.when, truths),
    // A rule that was edited to have none is not suppressed by it any more.
    suppressWhile: rule.suppressWhile === undefined ? false : evaluate(rule.suppressWhile, suppressTruths),
    cause: () => causeOf({ rule, ...plan }, truths, moment),
  };
}

function causeOf(plan: AlertPlan, truths: readonly (boolean | null)[], { values }: Moment): Cause {
  const leaf = reasonOf(plan.when, truths);
  const name = leaf === undefined ? plan.rule.name : subjectOf(leaf);
  return { name, value: values.get(name)?.value ?? null };
}

/** What a leaf is about: a tag, a device or a station. */
function subjectOf(leaf: Leaf): string {
  if (leaf.kind === "offline") return leaf.device;
  if (leaf.kind !== "count") return leaf.tag;
  return leaf.of.kind === "line" ? leaf.of.station : leaf.of.tag;
}

/** The actions that events call for, to be done, beside those that are not superseded by them. */
function withActions(
  rule: AlertRule,
  life: AlertLife,
  transitions: readonly Transition[],
  { steady }: Moment,
): AlertLife {
  let { open } = life;
  for (const { event, sequence } of transitions) {
    const on = momentOf(event);
    if (event === "shelved" || event === "out-of-service") open = putAside(rule, open);
    if (on !== undefined) open = callFor(rule, open, { on, sequence, at: steady });
  }
  return open === life.open || (open.length === 0 && life.open.length === 0) ? life : { ...life, open };
}

/** The moment for actions that an event is. */
function momentOf(event: AlertEvent): AlertMoment | undefined {
  if (event === "raised" || event === "acknowledged" || event === "cleared") return event;
  return event === "reset" ? "cleared" : undefined;
}

function withoutAction(life: AlertLife, done: OpenAction, waitsFor: string | undefined): AlertLife {
  const open = life.open.flatMap((action) => {
    if (!isSameAction(action, done)) return [action];
    return waitsFor === undefined ? [] : [{ ...action, waitsFor }];
  });
  return { ...life, open };
}
