import type { Candidate } from "./decode.ts";
import type { DataType } from "./data-type.ts";
import type { Order } from "./order.ts";

/** Panels show values moved by a few places; beyond that a match is chance. */
const mostPlaces = 6;

/** What the panel shows, as far as digits go. */
interface ShownNumber {
  readonly value: number;
  /** Half of the last place shown: the panel rounds. */
  readonly tolerance: number;
}

/** The candidates that may be what the panel shows, each with its power of ten, the most likely first. */
export function matchShown(candidates: readonly Candidate[], shown: string): readonly Candidate[] {
  const number = shownNumber(shown);
  const scored = candidates.flatMap((candidate) => {
    if (number === undefined || candidate.type.kind === "string") return matchText(candidate, shown);
    return matchNumber(candidate, number);
  });
  return scored.toSorted((one, other) => one.cost - other.cost).map(({ candidate }) => candidate);
}

interface Scored {
  readonly candidate: Candidate;
  readonly cost: number;
}

/** `50.0`, `-3`, `1e3`, `50,0`; undefined for everything else. */
function shownNumber(text: string): ShownNumber | undefined {
  const match = /^[+-]?\d+(?:[.,](\d+))?(?:[eE]([+-]?\d+))?$/.exec(text.trim());
  if (match === null) return undefined;
  const places = (match[1]?.length ?? 0) - Number(match[2] ?? 0);
  return { value: Number(text.trim().replace(",", ".")), tolerance: 0.5 * 10 ** -places };
}

function matchText(candidate: Candidate, shown: string): readonly Scored[] {
  const { value, order } = candidate;
  if (candidate.type.kind !== "string" || typeof value !== "string" || !value.includes(shown.trim()))
    return [];
  return [{ candidate, cost: orderCosts[order] }];
}

function matchNumber(candidate: Candidate, { value, tolerance }: ShownNumber): readonly Scored[] {
  const held = candidate.value;
  if (typeof held !== "number" && typeof held !== "bigint") return [];
  const raw = Number(held);
  if (!Number.isFinite(raw)) return [];
  let best: Scored | undefined;
  for (let places = -mostPlaces; places <= mostPlaces; places += 1) {
    // Zero stays zero wherever the point stands.
    if (places !== 0 && raw === 0) continue;
    const off = Math.abs(scaled(raw, places) - value);
    // A single-precision float carries seven digits, and a panel may show more.
    const slack = candidate.type.kind === "float32" ? Math.abs(value) * 1e-6 : Math.abs(value) * 1e-12;
    if (off > Math.max(tolerance, slack) * (1 + 1e-9)) continue;
    // Something that rounds to zero fits nothing in particular.
    if (places !== 0 && value === 0) continue;
    const cost =
      scaleCost(candidate.type, places) +
      typeCosts[candidate.type.kind] +
      orderCosts[candidate.order] +
      off / tolerance +
      0.05 * candidate.start;
    if (best === undefined || cost < best.cost) {
      best = { candidate: { ...candidate, scale: places === 0 ? 1 : Number(`1e${places}`) }, cost };
    }
  }
  return best === undefined ? [] : [best];
}

function scaled(raw: number, places: number): number {
  return places < 0 ? raw / 10 ** -places : raw * 10 ** places;
}

/** Integers are sent moved by one to three places, floats as they are. */
function scaleCost({ kind }: DataType, places: number): number {
  if (places === 0) return 0;
  if (kind === "float32" || kind === "float64") return 4 + Math.abs(places);
  return places < 0 ? 0.5 + 0.5 * -places : 2 + places;
}

/** How rare a type is among devices; with an equal match the usual one comes first. */
const typeCosts: Readonly<Record<DataType["kind"], number>> = {
  bool: 9,
  int16: 0.1,
  uint16: 0,
  int32: 0.3,
  uint32: 0.2,
  int64: 1.3,
  uint64: 1.2,
  float32: 0,
  float64: 0.8,
  bcd16: 1.5,
  bcd32: 1.6,
  string: 0,
};

const orderCosts: Readonly<Record<Order, number>> = {
  AB: 0,
  ABCD: 0,
  ABCDEFGH: 0,
  CDAB: 0.1,
  GHEFCDAB: 0.1,
  BA: 0.6,
  BADC: 0.7,
  BADCFEHG: 0.7,
  DCBA: 0.4,
  HGFEDCBA: 0.4,
};
