import { isDeepStrictEqual } from "node:util";
import { alertFillable, type AlertAction, type AlertRule } from "./alerts.ts";
import { ConditionRules, type Nameable } from "./condition-rules.ts";
import type { Mistakes } from "./mistakes.ts";
import { moments } from "./read-alerts.ts";
import { SiteRules, siteTags } from "./site-rules.ts";
import type { Source, SourcePath } from "./source.ts";

/** Tells everything that is wrong with alerts beyond their form: names, types, limits, writes that would be refused. */
export function checkAlerts(
  source: Source,
  alerts: readonly AlertRule[],
  known: Nameable,
  leftOut: readonly SourcePath[],
  mistakes: Mistakes,
): void {
  const tags = known.devices === undefined ? undefined : siteTags(known.devices);
  const sound = mistakes.except(leftOut);
  const site = new SiteRules({ source, tags, mistakes: sound, fillable: alertFillable, writeKey: "write" });
  const conditions = new ConditionRules(site, known, leftOut);
  for (const alert of alerts) {
    const path = ["alerts", alert.name];
    site.checkFilling([...path, "message"], alert.message);
    conditions.check([...path, "when"], alert.when);
    if (alert.suppressWhile !== undefined) conditions.check([...path, "suppressWhile"], alert.suppressWhile);
    if (isDeepStrictEqual(alert.suppressWhile, alert.when)) {
      site.addKey([...path, "suppressWhile"], {
        message: "this is the condition of the alert itself, which is so never raised",
        allowed: "another condition, such as a machine that is switched off",
      });
    }
    if (alert.realarm !== undefined && !alert.acknowledge) {
      site.addKey([...path, "realarm"], {
        message: "realarm has no meaning for an alert that nobody acknowledges",
        allowed: "realarm: never, or acknowledge: true",
      });
    }
    for (const [key, on] of moments) {
      const actions = alert.actions.filter((action) => action.on === on);
      checkActions(site, [...path, key], actions);
    }
  }
}

function checkActions(site: SiteRules, path: SourcePath, actions: readonly AlertAction[]): void {
  for (const action of actions) {
    if (action.kind === "write") site.checkWrite([...path, "write", action.tag], action.tag, action.value);
  }
  const publications = actions.filter((action) => action.kind === "publish");
  for (const [index, publication] of publications.entries())
    site.checkPublication([...path, "publish", index], publication);
}
