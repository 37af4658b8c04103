import type { Log } from "../adapter-kit/log.ts";
import { decodeReading, type Reading } from "../domain/reading.ts";
import { TagPath } from "../domain/tag-path.ts";
import type { DeviceState } from "../supervisor/device-state.ts";

/** What takes what a running gateway publishes. */
export interface ReadingSink {
  /** The gateway's path, such as `plant1/stamping/line1`. */
  readonly site: string;
  readonly log: Log;
  onReading(reading: Reading): void;
  onState(device: string, state: DeviceState): void;
}

/** A reading from its topic and payload; undefined for what is none. */
export function readingOf(topic: string, payload: Uint8Array): Reading | undefined {
  const path = new TagPath("data", topic.slice("data/".length));
  return decodeReading(path, Buffer.from(payload).toString(), 0);
}

/** A device's state from its payload; undefined for what is none. */
export function stateOf(payload: Uint8Array): DeviceState | undefined {
  const said = objectOf(payload);
  return typeof said?.["state"] === "string" ? (said as unknown as DeviceState) : undefined;
}

/** Undefined for what is no JSON object: nothing of the gateway's. */
function objectOf(payload: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(payload).toString());
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
