import { createHash } from "node:crypto";
import type { AlertAction, AlertMoment, AlertRule } from "../../config/alerts.ts";
import { isStanding } from "./describe.ts";
import type { AlertLife, OpenAction } from "./alert-state.ts";

/** So many webhooks and publications of one alert are kept for a far side that does not answer: a chattering alert must not grow. */
export const mostTellings = 16;

const marks = new WeakMap<AlertAction, string>();

/** What an action is, in a few letters. */
export function markOf(action: AlertAction): string {
  const known = marks.get(action);
  if (known !== undefined) return known;
  const mark = createHash("sha256").update(JSON.stringify(action)).digest("base64url").slice(0, 16);
  marks.set(action, mark);
  return mark;
}

/** What the open action is by the rule as it is now; undefined: the rule calls for nothing of the kind any more. */
export function actionOf(rule: AlertRule, { what, index, on }: OpenAction): AlertAction | undefined {
  if (what !== undefined) return rule.actions.find((action) => markOf(action) === what);
  const action = rule.actions[index];
  return action?.on === on ? action : undefined;
}

/** The open actions that the rule as it is now still calls for, and those that an edit has left without their like. */
export function reviewed(
  rule: AlertRule,
  open: readonly OpenAction[],
): { readonly kept: readonly OpenAction[]; readonly left: readonly OpenAction[] } {
  const left = open.filter((action) => actionOf(rule, action) === undefined);
  return { kept: left.length === 0 ? open : open.filter((action) => !left.includes(action)), left };
}

export function isSameAction(one: OpenAction, other: OpenAction): boolean {
  return one.sequence === other.sequence && one.index === other.index;
}

/** True where a write is still what the alert wants. */
export function stillHolds({ on }: OpenAction, life: AlertLife): boolean {
  if (on === "raised") return isStanding(life);
  return on === "acknowledged" || !life.raised;
}

/**
 * Adds what an event calls for. A write that is not made yet is superseded by a newer one to its tag, and by the alert's being
 * raised or cleared since: a late write must not overwrite what is wanted now. Webhooks and publications tell what happened,
 * and are kept in their order, the newest of them.
 */
export function callFor(
  rule: AlertRule,
  open: readonly OpenAction[],
  event: { readonly on: AlertMoment; readonly sequence: number; readonly at: number },
): readonly OpenAction[] {
  const { on, sequence, at } = event;
  const called = rule.actions.flatMap((action, index) =>
    action.on === on ? [{ sequence, index, on, what: markOf(action), at }] : [],
  );
  const tags = new Set(called.map((action) => tagOf(rule, action)));
  const kept = open.filter((action) => {
    const tag = tagOf(rule, action);
    if (tag === undefined) return true;
    return !tags.has(tag) && (on === "acknowledged" || action.on === on);
  });
  return newest(rule, [...kept, ...called], sequence);
}

/**
 * What is left when a person puts the alert aside. What its being raised calls for waits with it, and holds if it is still raised
 * then; to go back to what was, perhaps days later, is nobody's wish any more.
 */
export function putAside(rule: AlertRule, open: readonly OpenAction[]): readonly OpenAction[] {
  return open.filter((action) => action.on === "raised" || tagOf(rule, action) === undefined);
}

/** The tag that a write is for. */
function tagOf(rule: AlertRule, open: OpenAction): string | undefined {
  const action = actionOf(rule, open);
  return action?.kind === "write" ? action.tag : undefined;
}

/** Those of the newest event are kept, however many they are. */
function newest(rule: AlertRule, open: readonly OpenAction[], sequence: number): readonly OpenAction[] {
  const tellings = open.filter((action) => tagOf(rule, action) === undefined);
  const tooMany = tellings.slice(0, -mostTellings).filter((action) => action.sequence !== sequence);
  return tooMany.length === 0 ? open : open.filter((action) => !tooMany.includes(action));
}
