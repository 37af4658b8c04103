import { GatewayError } from "../domain/errors.ts";
import type { JetStreamApi, StreamConfig } from "./jetstream-api.ts";

const latestName = "LATEST";
const latestSubject = "data.>";

/** A stream of the embedded server alone, to have something stored by in a round trip. */
const probeSubject = "linegate.probe";
const probeStream: StreamConfig = {
  name: "PROBE",
  description: "Linegate stores a message here now and then, to see that the server still does",
  subjects: [probeSubject],
  storage: "memory",
  retention: "limits",
  discard: "old",
  max_bytes: 4_096,
  max_msgs_per_subject: 1,
};

/** The latest reading of every tag, one message a subject: a late joiner's snapshot. Design §3. */
function latestStream(maxBytes: number): StreamConfig {
  return {
    name: latestName,
    description: "The latest reading of every tag",
    subjects: [latestSubject],
    storage: "memory",
    retention: "limits",
    discard: "old",
    max_bytes: maxBytes,
    max_msgs_per_subject: 1,
  };
}

/**
 * Makes sure that LATEST is there and fits; true where it had to be made and so is empty. A stream of that name that
 * keeps something else is left alone: rejects with UPLINK_UNAVAILABLE, which names the difference.
 */
export async function ensureLatest(api: JetStreamApi, maxBytes: number): Promise<boolean> {
  const existing = await api.streamConfig(latestName);
  if (existing === undefined) {
    await api.createStream(latestStream(maxBytes));
    return true;
  }
  const conflict = differenceFromLatest(existing);
  if (conflict !== undefined) {
    throw new GatewayError(
      "UPLINK_UNAVAILABLE",
      `The stream ${latestName} on this server is another one: ${conflict}. Remove or rename it, and it is made anew`,
      { context: { subjects: existing.subjects } },
    );
  }
  // Several gateways may share the stream of one server: room is added, never taken away.
  if (existing.max_bytes !== -1 && existing.max_bytes < maxBytes) {
    await api.updateStream({ ...existing, max_bytes: maxBytes });
  }
  return false;
}

function differenceFromLatest(config: StreamConfig): string | undefined {
  if (!config.subjects.includes(latestSubject)) {
    return `its subjects are ${config.subjects.join(", ")}, not ${latestSubject}`;
  }
  if (config.max_msgs_per_subject !== 1) return "it keeps more than one message a subject";
  if (config.retention !== "limits") return `its retention is ${config.retention}, not limits`;
  if (config.discard !== "old") return `it discards ${config.discard} messages, not old ones`;
  return undefined;
}

/**
 * One real round trip through JetStream: the account is looked through, and a message is stored. A server that is stopped,
 * or that a full disk has locked up (2.9.10), answers its monitoring port and does not do this. Both halves are needed:
 * there the lock holds one file stream first, other streams and connections go on storing, and only what looks at all
 * streams waits for it.
 */
export async function storeProbe(api: JetStreamApi, streamMissing: boolean): Promise<void> {
  if (streamMissing && (await api.streamConfig(probeStream.name)) === undefined) {
    await api.createStream(probeStream);
  }
  await api.accountInfo();
  await api.publish(probeSubject, "");
}
