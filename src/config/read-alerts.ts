import { ms } from "../domain/duration.ts";
import type { ActionsEntry, AlertEntry, AlertsEntry } from "./alerts-schema.ts";
import type {
  AlertAction,
  AlertCondition,
  AlertMoment,
  AlertRule,
  AlertsConfig,
  CountedEvent,
} from "./alerts.ts";
import type { ConditionEntry, CountEntry } from "./condition-schema.ts";
import { toPublication, toWrites } from "./read-line.ts";

const usualHold = ms(1_000);

/** When each of the keys with actions is heeded. */
export const moments = [
  ["onRaise", "raised"],
  ["onAcknowledge", "acknowledged"],
  ["onClear", "cleared"],
] as const satisfies readonly (readonly [keyof AlertEntry, AlertMoment])[];

/** The alerts as the gateway takes them: defaults filled in, one form for what can be written in several. */
export function toAlerts({ alerts, defaults, flood, chatter }: AlertsEntry): AlertsConfig {
  return {
    alerts: Object.entries(alerts).map(([name, entry]) => toAlert(name, entry, defaults)),
    flood,
    chatter,
  };
}

function toAlert(name: string, entry: AlertEntry, defaults: AlertsEntry["defaults"]): AlertRule {
  const { message, when, latch, group, suppressWhile } = entry;
  const acknowledge = entry.acknowledge ?? defaults.acknowledge;
  // Where nobody acknowledges, the file's default has nothing to say.
  const realarm = entry.realarm ?? (acknowledge ? defaults.realarm : "never");
  return {
    name,
    message,
    priority: entry.priority ?? defaults.priority,
    when: toCondition(when),
    onDelay: entry.onDelay ?? defaults.onDelay,
    offDelay: entry.offDelay ?? defaults.offDelay,
    latch,
    acknowledge,
    ...(realarm === "never" ? {} : { realarm }),
    ...(group === undefined ? {} : { group }),
    ...(suppressWhile === undefined ? {} : { suppressWhile: toCondition(suppressWhile) }),
    actions: moments.flatMap(([key, on]) => toActions(on, entry[key])),
  };
}

/** The schema has seen to it that exactly one of its kinds stands there. */
function toCondition(entry: ConditionEntry): AlertCondition {
  const { above, below, outside, is, isNot, changes, rate, deviates, stale, quality } = entry;
  const { tag = "", deadband = 0 } = entry;
  if (above !== undefined) return { kind: "above", tag, limit: above, deadband };
  if (below !== undefined) return { kind: "below", tag, limit: below, deadband };
  if (outside !== undefined) {
    const [low = 0, high = 0] = outside;
    return { kind: "outside", tag, low, high, deadband };
  }
  if (is !== undefined) return { kind: "is", tag, value: is };
  if (isNot !== undefined) return { kind: "isNot", tag, value: isNot };
  if (changes === true) return { kind: "changes", tag, holdFor: entry.holdFor ?? usualHold };
  if (rate !== undefined) {
    const { above: limit, over, direction } = rate;
    return { kind: "rate", tag, limit, over, direction, deadband };
  }
  if (deviates !== undefined) {
    return { kind: "deviation", tag, from: deviates.from, limit: deviates.by, deadband };
  }
  if (stale !== undefined) return { kind: "stale", tag, after: stale };
  if (quality !== undefined) return { kind: "bad", tag, uncertain: quality === "uncertain" };
  return toWider(entry);
}

/** A condition that looks at more than one tag, or at none. */
function toWider({ offline, count, all, any, not }: ConditionEntry): AlertCondition {
  if (offline !== undefined) return { kind: "offline", device: offline };
  if (count !== undefined) {
    return { kind: "count", of: toCounted(count), atLeast: count.atLeast, within: count.within };
  }
  if (not !== undefined) return { kind: "not", of: toCondition(not) };
  return all === undefined
    ? { kind: "any", of: (any ?? []).map(toCondition) }
    : { kind: "all", of: all.map(toCondition) };
}

function toCounted({ tag, edge = "rise", station = "", event = "late" }: CountEntry): CountedEvent {
  return tag === undefined ? { kind: "line", station, event } : { kind: "edge", tag, edge };
}

function toActions(on: AlertMoment, { write, publish, webhook }: ActionsEntry): readonly AlertAction[] {
  return [
    ...toWrites(write).map((one) => ({ on, kind: "write" as const, ...one })),
    ...publish.map((one) => ({ on, kind: "publish" as const, ...toPublication(one) })),
    ...webhook.map((one) => ({ on, kind: "webhook" as const, ...one })),
  ];
}
