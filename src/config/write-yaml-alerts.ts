import { isDeepStrictEqual } from "node:util";
import { isMap, isScalar, parseDocument, type Document, type Pair, type ParsedNode } from "yaml";
import { formatDuration } from "../domain/duration.ts";
import type { JsonValue } from "../domain/reading.ts";
import { alertEntry, type Keys } from "./alert-entry.ts";
import { alertsSchema, type AlertsEntry } from "./alerts-schema.ts";
import type { AlertRule } from "./alerts.ts";
import { spliced, type AlertLines } from "./splice-alerts.ts";

/**
 * The text of an alerts.yaml with other alerts in it. Its head stays, and so do the lines of alerts that are what they
 * were, comments included; where all are, so does the whole text.
 */
export function withAlerts(text: string, before: readonly AlertRule[], after: readonly AlertRule[]): string {
  if (isDeepStrictEqual(before, after)) return text;
  const document = parseDocument(text);
  const defaults = defaultsIn(document);
  const found = document.get("alerts");
  const own: ReadonlyMap<unknown, Pair> = new Map(
    isMap(found) ? found.items.map((pair) => [isScalar(pair.key) ? pair.key.value : pair.key, pair]) : [],
  );
  const earlier = new Map(before.map((alert) => [alert.name, alert]));
  const isKept = (alert: AlertRule) =>
    own.has(alert.name) && isDeepStrictEqual(earlier.get(alert.name), alert);
  if (isMap(found)) {
    const lines = after.map((alert): AlertLines =>
      isKept(alert) ? { name: alert.name } : { name: alert.name, pair: newPair(document, alert, defaults) },
    );
    const edited = spliced(text, found, lines);
    if (edited !== undefined) return edited;
  }
  const items = after.map(
    (alert) => (isKept(alert) ? own.get(alert.name) : undefined) ?? newPair(document, alert, defaults),
  );
  // The map itself is kept where there is one: a comment above its first alert is the map's.
  const alerts = isMap(found) ? found : document.createNode({});
  alerts.items = items;
  if (isMap(document.contents)) document.set("alerts", alerts);
  else document.contents = document.createNode({ alerts }) as unknown as ParsedNode;
  return document.toString({ lineWidth: 0 });
}

function newPair(document: Document, alert: AlertRule, defaults: Keys): Pair {
  // An alert that nobody acknowledges takes no re-alarm from the defaults.
  const unsaid = alert.acknowledge ? defaults : { ...defaults, realarm: "never" };
  const entry = Object.fromEntries(
    Object.entries(alertEntry(alert)).filter(([key, value]) => !isDeepStrictEqual(unsaid[key], value)),
  );
  const pair = document.createPair(alert.name, entry);
  if (!isMap(pair.value)) return pair;
  for (const { key, value } of pair.value.items) {
    // A line for each key; a condition stands in one.
    if (!isMap(value)) continue;
    if (!String(key).startsWith("on")) value.flow = true;
    else for (const { value: action } of value.items) if (isMap(action)) action.flow = true;
  }
  return pair;
}

/** What need not be said of an alert, as it would be written. */
function defaultsIn(document: Document): Keys {
  const given: unknown = document.get("defaults");
  const found = alertsSchema.shape.defaults.safeParse(isMap(given) ? given.toJS(document) : undefined);
  return { latch: false, ...(found.success ? written(found.data) : {}) };
}

function written(defaults: AlertsEntry["defaults"]): Readonly<Record<string, JsonValue>> {
  const { priority, acknowledge, onDelay, offDelay, realarm } = defaults;
  return {
    priority,
    acknowledge,
    onDelay: formatDuration(onDelay),
    offDelay: formatDuration(offDelay),
    realarm: realarm === "never" ? realarm : formatDuration(realarm),
  };
}
