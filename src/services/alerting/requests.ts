import { durationForm, parseDuration } from "../../domain/duration.ts";
import { GatewayError } from "../../domain/errors.ts";
import { nearestName } from "../../domain/nearest.ts";
import type { Endpoint } from "../../nats/service-endpoint.ts";
import { optionalText, readFields, textField } from "../request-fields.ts";
import type { AlertingService } from "./alerting-service.ts";
import { longestShelvingMs, type AlertRequest } from "./lifecycle.ts";
import { pickAlerts } from "./pick-alerts.ts";
import { report } from "./report.ts";

export interface AlertRequestOptions {
  readonly gateway: string;
  readonly service: Pick<AlertingService, "list" | "request" | "config" | "flood" | "moment">;
  /** Takes each request and what became of it. */
  readonly audit: (entry: object) => Promise<void>;
}

const actions = ["acknowledge", "reset", "shelve", "unshelve", "out-of-service", "in-service"] as const;
type Action = (typeof actions)[number];

const expected = 'expected a JSON object such as {"alert":"press-overpressure","by":"anna"}';

/** What people and line services may ask of the alerts, on `alerting.<gateway>.…`. */
export function alertEndpoints(options: AlertRequestOptions): readonly Endpoint[] {
  const { gateway, service } = options;
  const subject = (name: string) => `alerting.${gateway}.${name}`;
  const list: Endpoint = {
    name: "list",
    subject: subject("list"),
    metadata: { request: '{"state":…,"priority":…,"group":…} or nothing', reply: '{"alerts":[…]}' },
    handle: (payload) => JSON.stringify({ alerts: pickAlerts(service.list(), payload) }),
  };
  const figures: Endpoint = {
    name: "report",
    subject: subject("report"),
    metadata: { reply: '{"flood","chattering","standing","mostFrequent",…}' },
    handle: () => JSON.stringify(report(service.list(), service.flood, service.config, service.moment().now)),
  };
  const acting = actions.map((name): Endpoint => ({
    name,
    subject: subject(name),
    metadata: {
      request: name === "shelve" ? '{"alert":…,"for":"8h","by":…,"why":…}' : '{"alert":…,"by":…,"why":…}',
    },
    handle: (payload) => act(options, name, payload),
  }));
  return [list, figures, ...acting];
}

async function act(
  { service, audit }: AlertRequestOptions,
  action: Action,
  payload: Uint8Array,
): Promise<string> {
  let asked: ReturnType<typeof readAsked>;
  try {
    asked = readAsked(action, payload);
  } catch (caught) {
    const message = caught instanceof Error ? caught.message : String(caught);
    await audit({ action, ok: false, message });
    throw caught;
  }
  const { alerts, request } = asked;
  const known = new Set(service.list().map(({ alert }) => alert));
  const unknown = alerts.filter((alert) => !known.has(alert));
  if (unknown.length > 0) {
    const message = `${unknown.map((name) => noSuchAlert(name, known)).join(" ")} Nothing was done.`;
    await audit({ action, alert: alerts.length === 1 ? alerts[0] : alerts, ...request, ok: false, message });
    throw new GatewayError("WRITE_REFUSED", message);
  }
  const results = await Promise.all(
    alerts.map(async (alert) => ({ alert, refused: await service.request(alert, request) })),
  );
  for (const { alert, refused } of results) {
    const message = refused === undefined ? {} : { message: refused };
    await audit({ action, alert, ...request, ok: refused === undefined, ...message });
  }
  const refused = results.flatMap((result) => (result.refused === undefined ? [] : [result.refused]));
  if (refused.length > 0) throw new GatewayError("WRITE_REFUSED", refused.join(" "));
  const after = service.list().filter(({ alert }) => alerts.includes(alert));
  return JSON.stringify({ ok: true, alerts: after });
}

function noSuchAlert(name: string, known: Iterable<string>): string {
  const meant = nearestName(name, known);
  return `There is no alert ${JSON.stringify(name)}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`;
}

/** Throws WRITE_REFUSED with what is expected. */
function readAsked(
  action: Action,
  payload: Uint8Array,
): { readonly alerts: readonly string[]; readonly request: AlertRequest } {
  const given = readFields(payload, expected);
  const one = given.get("alert");
  const names = (Array.isArray(one) ? one : [one]).map((name: unknown) => textField(name, "alert", expected));
  const alerts = [...new Set(names)];
  if (alerts.length === 0) throw new GatewayError("WRITE_REFUSED", `No alert is named: ${expected}.`);
  const person = {
    by: textField(given.get("by"), "by", expected),
    ...optionalText(given.get("why"), "why", expected),
  };
  if (action !== "shelve") return { alerts, request: { kind: action, ...person } };
  const span = given.get("for");
  const forMs = typeof span === "string" ? parseDuration(span) : undefined;
  if (forMs !== undefined && forMs > 0 && forMs <= longestShelvingMs)
    return { alerts, request: { kind: "shelve", forMs, ...person } };
  throw new GatewayError(
    "WRITE_REFUSED",
    `Shelving needs an end: expected "for" with ${durationForm}, at most 7d.`,
  );
}
