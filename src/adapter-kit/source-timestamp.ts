/** How a source timestamp is written. */
export const timestampUnits = ["iso8601", "s", "ms", "us"] as const;

export type TimestampUnit = (typeof timestampUnits)[number];

/** Milliseconds in one of the unit. */
const unitMs = { s: 1_000, ms: 1, us: 0.001 } as const;
/** A clock that is further ahead is wrong. */
const mostAheadMs = 86_400_000;
/** Before 2000 nobody sent such a message: the clock was never set, or the unit is another. */
const earliestMs = 946_684_800_000;

/** ISO 8601 with date and time; the zone may be missing. */
const isoForm = /^(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:[.,](\d+))?(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/** A source timestamp in ms since the Unix epoch; undefined where it is none, or can't be true. */
export function sourceTimestamp(value: unknown, unit: TimestampUnit, now: number): number | undefined {
  const at = unit === "iso8601" ? fromIso(value) : fromEpoch(value, unitMs[unit]);
  return at >= earliestMs && at <= now + mostAheadMs ? at : undefined;
}

function fromEpoch(value: unknown, factor: number): number {
  return typeof value === "number" ? Math.round(value * factor) : Number.NaN;
}

/** Without a zone it is UTC: what the gateway's own zone is says nothing about the device. */
function fromIso(value: unknown): number {
  const [, whole, fraction = "0", zone = "Z"] =
    (typeof value === "string" ? isoForm.exec(value) : null) ?? [];
  if (whole === undefined) return Number.NaN;
  const [, sign = "", hours = "00", minutes = "00"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  const offset = sign === "" ? "Z" : `${sign}${hours}:${minutes}`;
  return Date.parse(`${whole}${offset}`) + Math.trunc(Number(`0.${fraction}`) * 1_000);
}
