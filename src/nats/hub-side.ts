import type { HubSide, Move, StreamMark } from "../store/stream-mark.ts";
import type { HubAsk } from "./hub-asks.ts";

/** What the hub has asked for of one stream, for each incarnation the last time. */
export type Asks = ReadonlyMap<HubAsk["incarnation"], HubAsk["has"]>;

/**
 * The hub's side of a stream that was just looked up: `last` is its last place, `waiting` what will follow from the outbox,
 * which is what a power cut took of it and what was not sent yet, in the places that it had or would have had.
 */
export function sideAt(before: HubSide | undefined, server: string, last: number, waiting: number): HubSide {
  const upTo = last + waiting;
  if (before === undefined || (before.server !== server && before.isSeen))
    return { server, from: last, upTo, isSeen: false };
  // Since then the hub has not come, or the server is still the same.
  return { ...before, server, from: Math.min(before.from, last), upTo: Math.min(before.upTo, upTo) };
}

/**
 * Whether the hub has more than it can have: then this is not the stream that it knows, but an earlier state of it, or another
 * one. Undefined where all is well. `last` as for `sideAt`, at this moment.
 */
export function moveAway(mark: StreamMark, asks: Asks, last: number): Move | undefined {
  const { incarnation, hub } = mark;
  if (hub === undefined) return undefined;
  const beyond = [...asks].filter(([other, has]) => other > incarnation && has > 0).map(([other]) => other);
  const has = asks.get(incarnation) ?? 0;
  if (beyond.length === 0 && has <= (hub.isSeen ? Math.max(last, hub.upTo) : hub.upTo)) return undefined;
  return { to: Math.max(incarnation, ...beyond) + 1, after: hub.from };
}

/** The mark once the hub has asked for this incarnation, and has no more of it than it can have. */
export function seen(mark: StreamMark): StreamMark {
  return mark.hub === undefined || mark.hub.isSeen ? mark : { ...mark, hub: { ...mark.hub, isSeen: true } };
}
