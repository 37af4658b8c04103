import type { AlertsConfig, AlertRule } from "../../config/alerts.ts";
import type { AlertEvent, AlertLife } from "./alert-state.ts";
import { isStanding } from "./describe.ts";
import { isAway, type Transition } from "./lifecycle.ts";

/** What puts an alert among the standing ones again. */
const comesBack: ReadonlySet<AlertEvent> = new Set(["unshelved", "unsuppressed", "in-service"]);

/**
 * The alert's life after these transitions, with what the rest of its group decides: of a group the first that is raised while
 * nothing else of it stands. And with the last times it was raised, for the chatter. `others` are the lives of the group's other alerts.
 */
export function withFirstOut(
  { group }: AlertRule,
  before: AlertLife,
  transitions: readonly Transition[],
  { chatter }: AlertsConfig,
  others: () => readonly AlertLife[],
): AlertLife {
  const isRaised = transitions.some(({ event }) => event === "raised");
  const isBack = transitions.some(({ event }) => comesBack.has(event));
  if (!isRaised && (group === undefined || !isBack)) return before;
  const isAlone = () => others().every((life) => !isStanding(life) || isAway(life));
  // One that comes back was the first only if it was so before, and no other is meanwhile.
  const firstOut = group === undefined ? null : (isRaised || before.firstOut === true) && isAlone();
  return { ...before, firstOut, raises: before.raises.slice(-chatter.times) };
}
