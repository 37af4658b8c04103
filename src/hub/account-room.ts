import type { Fleet } from "../config/fleet-schema.ts";

/** The hub's streams of a fleet file, as they share the account's room: bytes of one copy; undefined without a limit. */
function mostOf({ batches, events, push, forwarders }: Fleet): readonly (number | undefined)[] {
  const intakes = forwarders.flatMap(({ maxBytes }) => [maxBytes, maxBytes]);
  return [batches.maxBytes, events.maxBytes, push?.maxBytes ?? 0, ...intakes];
}

/**
 * Why the streams must not be as the file has them in an account that may store so much; undefined where all fits, or
 * `limit` is no limit. A stream that reaches its own limit lets the oldest go, as was declared. One that reaches the account's can't
 * take what is new, and nats-server 2.9 then passes over what it was sourcing, for good and silently; 2.15 waits.
 */
export function roomProblem(fleet: Fleet, limit: number | undefined): string | undefined {
  if (limit === undefined || limit <= 0) return undefined;
  const parts = mostOf(fleet);
  const why = `The hub's account may store ${limit} bytes, and what comes beyond them would be lost`;
  if (parts.includes(undefined))
    return `${why}: set \`batches.maxBytes\` and \`events.maxBytes\` in the fleet file, so that the oldest give way before that.`;
  const copies = parts.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  const wanted = copies * fleet.replicas;
  if (wanted <= limit) return undefined;
  const all = fleet.replicas === 1 ? "" : ` on ${fleet.replicas} servers`;
  return `${why}: the fleet file's streams${all} may take ${wanted} bytes together. Lower \`maxBytes\` of batches, events, push or forwarders, or give the account more.`;
}
