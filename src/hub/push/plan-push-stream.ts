import type { Fleet } from "../../config/fleet-schema.ts";
import type { StreamConfig, StreamInfo } from "../../nats/jetstream-api.ts";
import type { StreamPlan } from "../plan-streams.ts";
import { pushStream, pushSubjects } from "./push-store.ts";

/** What the hub's stream PUSH is to be; undefined where the fleet file does not ask for it. */
export function planPushStream(fleet: Fleet, found: StreamInfo | undefined): StreamPlan | undefined {
  if (fleet.push === undefined) return undefined;
  const { maxBytes } = fleet.push;
  const wanted: StreamConfig = {
    name: pushStream,
    description: "What is put for gateways, and what they answer",
    subjects: pushSubjects,
    storage: "file",
    retention: "limits",
    // Full, it says so to who puts something, instead of taking away what a gateway has not fetched yet.
    discard: "new",
    max_msgs_per_subject: 1,
    max_bytes: maxBytes,
    allow_direct: true,
    num_replicas: fleet.replicas,
  };
  const config = { ...found?.config, ...wanted };
  const plan = { stream: pushStream, config };
  if (found === undefined) return { ...plan, action: "create", changes: [`maxBytes ${maxBytes}B`] };
  const problem = conflictWith(found, maxBytes);
  if (problem !== undefined) return { ...plan, action: "refuse", changes: [], problem };
  const changes = [
    ...changed("maxBytes", found.config.max_bytes, maxBytes),
    ...changed("replicas", found.config.num_replicas ?? 1, fleet.replicas),
  ];
  return { ...plan, action: changes.length === 0 ? "none" : "update", changes };
}

function changed(label: string, before: number, after: number): readonly string[] {
  return before === after ? [] : [`${label} ${before} → ${after}`];
}

function conflictWith({ config, state }: StreamInfo, maxBytes: number): string | undefined {
  const subjects = config.subjects.toSorted().join(", ");
  if (subjects !== pushSubjects.toSorted().join(", ")) return `it takes ${subjects}: it is another program's`;
  if (state.bytes > maxBytes) return `maxBytes is less than the ${state.bytes} bytes that it holds`;
  return undefined;
}
