import { formatDuration } from "../domain/duration.ts";
import type { JsonValue } from "../domain/reading.ts";
import type { AlertCondition, AlertMoment, AlertRule } from "./alerts.ts";
import { moments } from "./read-alerts.ts";

/** One alert, or a part of it, as it is written in a file. */
export type Keys = { readonly [key: string]: JsonValue };

/** An alert as it would be written in alerts.yaml, with nothing left to the file's defaults. */
export function alertEntry(rule: AlertRule): Keys {
  const { message, priority, when, onDelay, offDelay, latch, acknowledge, realarm, group } = rule;
  const { suppressWhile } = rule;
  return {
    message,
    priority,
    when: conditionEntry(when),
    onDelay: formatDuration(onDelay),
    offDelay: formatDuration(offDelay),
    latch,
    acknowledge,
    realarm: realarm === undefined ? "never" : formatDuration(realarm),
    ...(group === undefined ? {} : { group }),
    ...(suppressWhile === undefined ? {} : { suppressWhile: conditionEntry(suppressWhile) }),
    ...Object.fromEntries(
      moments.flatMap(([key, on]) => {
        const actions = actionsEntry(rule, on);
        return Object.keys(actions).length === 0 ? [] : [[key, actions]];
      }),
    ),
  };
}

function conditionEntry(condition: AlertCondition): Keys {
  switch (condition.kind) {
    case "above":
    case "below":
      return { tag: condition.tag, [condition.kind]: condition.limit, ...banded(condition.deadband) };
    case "outside": {
      const { tag, low, high, deadband } = condition;
      return { tag, outside: [low, high], ...banded(deadband) };
    }
    case "is":
    case "isNot":
      return { tag: condition.tag, [condition.kind]: condition.value };
    case "changes":
      return { tag: condition.tag, changes: true, holdFor: formatDuration(condition.holdFor) };
    case "rate": {
      const { tag, limit, over, direction, deadband } = condition;
      return { tag, rate: { above: limit, over: formatDuration(over), direction }, ...banded(deadband) };
    }
    case "deviation": {
      const { tag, from, limit, deadband } = condition;
      return { tag, deviates: { from, by: limit }, ...banded(deadband) };
    }
    case "stale":
      return { tag: condition.tag, stale: formatDuration(condition.after) };
    case "bad":
      return { tag: condition.tag, quality: condition.uncertain ? "uncertain" : "bad" };
    case "offline":
      return { offline: condition.device };
    case "count": {
      const { of, atLeast, within } = condition;
      const { kind: _kind, ...counted } = of;
      return { count: { ...counted, atLeast, within: formatDuration(within) } };
    }
    case "not":
      return { not: conditionEntry(condition.of) };
    case "all":
    case "any":
      return { [condition.kind]: condition.of.map(conditionEntry) };
  }
}

function banded(deadband: number): Keys {
  return deadband === 0 ? {} : { deadband };
}

function actionsEntry({ actions }: AlertRule, moment: AlertMoment): Keys {
  const write: Record<string, JsonValue> = {};
  const publish: Keys[] = [];
  const webhook: Keys[] = [];
  for (const action of actions.filter(({ on }) => on === moment)) {
    switch (action.kind) {
      case "write":
        write[action.tag] = action.value;
        break;
      case "publish":
        publish.push({ [action.to === "mqtt" ? "topic" : "subject"]: action.name, payload: action.payload });
        break;
      case "webhook": {
        const { url, headers, timeout, retryFor } = action;
        const times = { timeout: formatDuration(timeout), retryFor: formatDuration(retryFor) };
        webhook.push({ url, ...(Object.keys(headers).length === 0 ? {} : { headers }), ...times });
        break;
      }
    }
  }
  return {
    ...(Object.keys(write).length === 0 ? {} : { write }),
    ...(publish.length === 0 ? {} : { publish }),
    ...(webhook.length === 0 ? {} : { webhook }),
  };
}
