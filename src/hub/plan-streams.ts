import type { Fleet } from "../config/fleet-schema.ts";
import { intakeName } from "../nats/hub-place.ts";
import type { StreamConfig, StreamInfo, StreamSource } from "../nats/jetstream-api.ts";

/** The hub's streams by their names, and what the fleet file calls them. */
export const hubStreams = [
  { name: "BATCHES", key: "batches", holds: "Batches of readings" },
  { name: "EVENTS", key: "events", holds: "Alerts, line events, device events and the audit" },
] as const;

export type HubStream = (typeof hubStreams)[number];

/** The streams of each gateway that could be asked; undefined for those that are away. */
export type GatewayStreams = ReadonlyMap<string, readonly string[] | undefined>;

/** What is to be done about one stream of the hub. */
export interface StreamPlan {
  readonly stream: string;
  readonly action: "create" | "update" | "none" | "refuse";
  /** In words, one a change. */
  readonly changes: readonly string[];
  /** Why nothing is done, where it is refused. */
  readonly problem?: string;
  readonly config: StreamConfig;
}

const nanoseconds = 1e6;
const unlimited = -1;

/** What the stream is to be, and what that changes. `now` in ms since the Unix epoch. */
export function planStream(
  stream: HubStream,
  fleet: Fleet,
  gateways: GatewayStreams,
  found: StreamInfo | undefined,
  now: number,
): StreamPlan {
  const before = found?.config.sources ?? [];
  const intakes = fleet.forwarders.map(({ gateway }) => ({ name: intakeName(stream.name, gateway) }));
  const wanted = wantedConfig(stream, fleet, [...sourcesOf(stream, gateways), ...intakes]);
  const added = (wanted.sources ?? []).filter((one) => !before.some((other) => isSame(one, other)));
  const config = { ...found?.config, ...wanted, sources: [...before, ...added] };
  const plan = { stream: stream.name, config };
  if (found === undefined) {
    return { ...plan, action: "create", changes: [...limitsOf(config), ...added.map(sourceAdded)] };
  }
  const problem = conflictWith(found) ?? lossOf(found, config, now);
  const changes = [...changedLimits(found.config, config), ...added.map(sourceAdded)];
  if (problem !== undefined) return { ...plan, action: "refuse", changes: [], problem };
  return { ...plan, action: changes.length === 0 ? "none" : "update", changes };
}

/** A gateway's first incarnation is taken for granted, so that one that is away, or new, is sourced once it comes. */
function sourcesOf({ name }: HubStream, gateways: GatewayStreams): StreamSource[] {
  const ours = new RegExp(`^${name}(_\\d+)?$`);
  return [...gateways].flatMap(([gateway, streams = []]) =>
    [...new Set([name, ...streams.filter((one) => ours.test(one))])].map((one) => ({
      name: one,
      external: { api: `$JS.${gateway}.API` },
    })),
  );
}

function wantedConfig(
  { name, key, holds }: HubStream,
  fleet: Fleet,
  sources: readonly StreamSource[],
): StreamConfig {
  const { maxBytes, maxAge, duplicates } = fleet[key];
  return {
    name,
    description: `${holds} of all gateways, taken from their own streams`,
    subjects: [],
    storage: "file",
    // Only so the edge may be away for as long as it likes and nothing is skipped.
    retention: "limits",
    discard: "old",
    max_bytes: maxBytes ?? unlimited,
    max_age: (maxAge ?? 0) * nanoseconds,
    duplicate_window: duplicates * nanoseconds,
    num_replicas: fleet.replicas,
    sources,
  };
}

function isSame(one: StreamSource, other: StreamSource): boolean {
  return one.name === other.name && one.external?.api === other.external?.api;
}

function sourceAdded({ name, external }: StreamSource): string {
  if (external === undefined || external === null) return `source ${name} added`;
  return `source ${name} of ${external.api.replace(/^\$JS\.(.*)\.API$/, "$1")} added`;
}

/** The limits in words, each with its key. */
export function limitsOf(config: StreamConfig): string[] {
  return limits.map(([key, label]) => `${label} ${shown(key, config[key])}`);
}

export function changedLimits(before: StreamConfig, after: StreamConfig): string[] {
  return limits
    .filter(([key]) => (before[key] ?? 0) !== (after[key] ?? 0))
    .map(([key, label]) => `${label} ${shown(key, before[key])} → ${shown(key, after[key])}`);
}

const limits = [
  ["max_bytes", "maxBytes"],
  ["max_age", "maxAge"],
  ["duplicate_window", "duplicates"],
  ["num_replicas", "replicas"],
] as const;

function shown(key: (typeof limits)[number][0], value: number | undefined): string {
  if (key === "num_replicas") return String(value ?? 1);
  if (value === undefined || value <= 0) return "unlimited";
  return key === "max_bytes" ? `${value}B` : `${value / nanoseconds / 1_000}s`;
}

/** Why a stream of that name is not one that gateways can be sourced into. */
function conflictWith({ config }: StreamInfo): string | undefined {
  const subjects = config.subjects ?? [];
  if (subjects.length > 0) {
    return `it takes ${subjects.join(", ")} itself: what comes over the leaf connections live would be kept twice`;
  }
  if (config.retention !== "limits")
    return `its retention is ${config.retention}, not limits: that loses messages`;
  if (config.storage !== "file") return `its storage is ${config.storage}, not file`;
  return undefined;
}

/** Why the new limits would remove something that is there. */
function lossOf({ state, config: before }: StreamInfo, after: StreamConfig, now: number): string | undefined {
  const { max_bytes: most, max_age: age = 0 } = after;
  if (most !== before.max_bytes && most !== unlimited && most < state.bytes) {
    return `maxBytes would remove messages: it holds ${state.bytes} bytes`;
  }
  const oldest = Date.parse(state.first_ts ?? "");
  if (
    age === (before.max_age ?? 0) ||
    age === 0 ||
    state.bytes === 0 ||
    !(oldest < now - age / nanoseconds)
  ) {
    return undefined;
  }
  return `maxAge would remove messages: its oldest is of ${new Date(oldest).toISOString()}`;
}
