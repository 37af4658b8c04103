import type { AlertsConfig } from "../../config/alerts.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { Leaf } from "./leaf.ts";
import { planAlert, type AlertPlan } from "./step.ts";

/** Whose conditions look at what. */
export interface AlertIndex {
  readonly plans: ReadonlyMap<string, AlertPlan>;
  /** By the topic of a tag. */
  readonly tags: ReadonlyMap<string, { readonly tag: string; readonly alerts: readonly string[] }>;
  readonly devices: ReadonlyMap<string, readonly string[]>;
  readonly stations: ReadonlyMap<string, readonly string[]>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

/** @param site the gateway's path, such as `plant1/line1`. */
export function indexAlerts({ alerts }: AlertsConfig, site: string): AlertIndex {
  const plans = new Map(alerts.map((rule) => [rule.name, planAlert(rule)]));
  const tags = new Map<string, { tag: string; alerts: string[] }>();
  const devices = new Map<string, string[]>();
  const stations = new Map<string, string[]>();
  const groups = new Map<string, string[]>();
  for (const [name, { rule, when, suppress }] of plans) {
    if (rule.group !== undefined) add(groups, rule.group, name);
    for (const leaf of [...when, ...suppress]) {
      if (leaf.kind === "offline") add(devices, leaf.device, name);
      if (leaf.kind === "count" && leaf.of.kind === "line") add(stations, leaf.of.station, name);
      for (const tag of tagsOf(leaf)) {
        const { topic } = new TagPath("data", site, tag);
        const known = tags.get(topic) ?? { tag, alerts: [] };
        tags.set(topic, known);
        if (!known.alerts.includes(name)) known.alerts.push(name);
      }
    }
  }
  return { plans, tags, devices, stations, groups };
}

function tagsOf(leaf: Leaf): readonly string[] {
  if (leaf.kind === "offline") return [];
  if (leaf.kind === "deviation") return [leaf.tag, leaf.from];
  if (leaf.kind !== "count") return [leaf.tag];
  return leaf.of.kind === "line" ? [] : [leaf.of.tag];
}

function add(to: Map<string, string[]>, key: string, name: string): void {
  const names = to.get(key) ?? [];
  to.set(key, names);
  if (!names.includes(name)) names.push(name);
}
