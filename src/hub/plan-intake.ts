import type { Fleet } from "../config/fleet-schema.ts";
import { forwardedSubjects, intakeName } from "../nats/hub-place.ts";
import type { StreamConfig, StreamInfo } from "../nats/jetstream-api.ts";
import { changedLimits, limitsOf, type HubStream, type StreamPlan } from "./plan-streams.ts";

const nanoseconds = 1e6;

/**
 * What the stream is to be that a gateway forwards into as a client. It takes that gateway's subjects alone; the hub's
 * streams take over from it at once, so it need not hold more than what comes while they can't.
 */
export function planIntake(
  stream: HubStream,
  forwarder: Fleet["forwarders"][number],
  fleet: Fleet,
  found: StreamInfo | undefined,
): StreamPlan {
  const { gateway, site } = forwarder;
  const config: StreamConfig = {
    ...found?.config,
    name: intakeName(stream.name, gateway),
    description: `What ${gateway} forwards for ${stream.name}`,
    subjects: forwardedSubjects(stream.name, gateway, site),
    storage: "file",
    retention: "limits",
    // No age: the last message says how far the gateway has got.
    discard: "old",
    max_bytes: forwarder.maxBytes,
    max_age: 0,
    duplicate_window: fleet[stream.key].duplicates * nanoseconds,
    num_replicas: fleet.replicas,
  };
  const plan = { stream: config.name, config };
  if (found === undefined)
    return { ...plan, action: "create", changes: [...limitsOf(config), ...subjectsTold(config)] };
  if (found.config.retention !== "limits" || found.config.storage !== "file") {
    const problem = `its retention is ${found.config.retention}, its storage ${found.config.storage}, not limits and file`;
    return { ...plan, action: "refuse", changes: [], problem };
  }
  const same = config.subjects.join(" ") === found.config.subjects.join(" ");
  const changes = [...changedLimits(found.config, config), ...(same ? [] : subjectsTold(config))];
  return { ...plan, action: changes.length === 0 ? "none" : "update", changes };
}

function subjectsTold({ subjects }: StreamConfig): readonly string[] {
  return subjects.map((subject) => `takes ${subject}`);
}
