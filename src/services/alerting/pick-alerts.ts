import { GatewayError } from "../../domain/errors.ts";
import { nearestName } from "../../domain/nearest.ts";
import { priorities } from "../../config/alerts.ts";
import { readFields } from "../request-fields.ts";
import { alertStates } from "./alert-state.ts";
import type { DescribedAlert } from "./describe.ts";

const filters = ["state", "priority", "group"] as const;
const expected = 'expected nothing, or a JSON object such as {"state":"unacknowledged","priority":"high"}';

/** The alerts that a request asks for. Throws WRITE_REFUSED with what is allowed, where nothing could be meant. */
export function pickAlerts(
  alerts: readonly DescribedAlert[],
  payload: Uint8Array,
): readonly DescribedAlert[] {
  if (payload.length === 0) return alerts;
  const given = new Map(readFields(payload, expected));
  // As in every other request; who looks is not asked.
  given.delete("by");
  const groups = new Set(alerts.flatMap(({ group }) => (typeof group === "string" ? [group] : [])));
  const allowed = { state: alertStates, priority: priorities, group: [...groups] };
  for (const [name, value] of given) {
    const filter = filters.find((one) => one === name);
    if (filter === undefined) throw refused(`no filter is called ${JSON.stringify(name)}`, name, filters);
    if (!allowed[filter].some((one) => one === value))
      throw refused(`there is no ${filter} ${JSON.stringify(value)}`, value, allowed[filter]);
  }
  return alerts.filter((alert) => [...given].every(([name, value]) => alert[name] === value));
}

function refused(what: string, given: unknown, allowed: readonly string[]): GatewayError {
  const meant = typeof given === "string" ? nearestName(given, allowed) : undefined;
  const hint = meant === undefined ? "" : ` Did you mean ${meant}?`;
  return new GatewayError(
    "WRITE_REFUSED",
    `The list can't be made: ${what}. Allowed: ${allowed.join(", ") || "none"}.${hint}`,
  );
}
