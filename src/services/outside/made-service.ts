import { Subject } from "rxjs";
import type { Site } from "../../config/site.ts";
import { AlertPart, type AlertPartOptions } from "../alerting/alert-part.ts";
import { indexAlerts } from "../alerting/alert-index.ts";
import { ownAlerts, withOwnAlerts } from "../alerting/own-alerts.ts";
import { LinePart, type LinePartOptions } from "../scheduling/line-part.ts";
import { planLine } from "../scheduling/line-plan.ts";
import type { SiteService } from "../site-service.ts";
import type { OutsideService } from "./bridge-subjects.ts";

/** The KV bucket with the present states of what a service decides on. */
export const bucketOf: Readonly<Record<OutsideService, string>> = { scheduling: "line", alerting: "alerts" };

/** The tags that a service is about, such as `press-1/cycle/done`. */
export const tagsOf: Readonly<Record<OutsideService, (site: Site) => ReadonlySet<string>>> = {
  scheduling: ({ line }) => planLine(line ?? { stations: [] }).tags,
  alerting: (site) => {
    const { gateway } = site;
    const alerts = withOwnAlerts(site, ownAlerts(gateway));
    const tags = alerts === undefined ? [] : [...indexAlerts(alerts, gateway.site).tags.values()];
    return new Set(tags.map(({ tag }) => tag));
  },
};

/** All that any service outside is made with. */
export type ServiceSurroundings = Omit<LinePartOptions, "told"> & Omit<AlertPartOptions, "lineEvents$">;

/** A service as the gateway has it inside, on the gateway as it is seen over NATS. */
export function makeService(name: OutsideService, options: ServiceSurroundings): SiteService {
  switch (name) {
    case "scheduling":
      return new LinePart({ ...options, told: () => undefined });
    case "alerting":
      return new AlertPart({ ...options, lineEvents$: lineEventsOf(options) });
  }
}

/** The line's events as they come over NATS. */
function lineEventsOf({ link, site }: ServiceSurroundings): AlertPartOptions["lineEvents$"] {
  const events = new Subject<{ readonly station: string; readonly event: string }>();
  link.subscribe(`line.${site.replaceAll("/", ".")}.*.*`, ({ subject }) => {
    const [station = "", event = ""] = subject.split(".").slice(-2);
    events.next({ station, event });
  });
  return events;
}
