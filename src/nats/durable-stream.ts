import { GatewayError } from "../domain/errors.ts";
import type { StreamName } from "../store/outbox-row.ts";
import type { JetStreamApi, StreamConfig, StreamInfo, StreamSource } from "./jetstream-api.ts";

/** Each stream's subjects, and its share of JetStream's store: images, buckets and what the site makes need room too. */
const kinds: Readonly<
  Record<StreamName, { readonly subjects: readonly string[]; readonly share: number; readonly of: string }>
> = {
  EVENTS: {
    subjects: ["alert.>", "line.>", "event.>", "audit.>"],
    share: 1 / 8,
    of: "Alerts, line events, device events and the audit",
  },
  BATCHES: { subjects: ["batch.>"], share: 1 / 2, of: "Batches of readings" },
};

/** Of a server that somebody else runs nobody knows the limit: asked for as if it were this, and halved where it is less. */
export const foreignStoreBytes = 4_000_000_000;
const leastBytes = 1_000_000;
/**
 * Ids are remembered this long, in memory (about 260 bytes each): as long as something may still be under way from a
 * connection that is gone. What was sent longer ago is looked up in the stream itself.
 */
const duplicateWindowNs = 30_000_000_000;

/** The stream's name in an incarnation: `EVENTS`, `EVENTS_2`, … */
export function incarnationName(stream: StreamName, incarnation: number): string {
  return incarnation === 1 ? stream : `${stream}_${incarnation}`;
}

function wanted(stream: StreamName, incarnation: number, storeBytes: number): StreamConfig {
  const { subjects, share, of } = kinds[stream];
  return {
    name: incarnationName(stream, incarnation),
    description: `${of}, kept by Linegate`,
    subjects,
    storage: "file",
    retention: "limits",
    discard: "old",
    max_bytes: Math.max(leastBytes, Math.floor(storeBytes * share)),
    duplicate_window: duplicateWindowNs,
    // The forwarder reads it so.
    allow_direct: true,
  };
}

/**
 * Makes the stream; where the store has no room for all that was asked for, it is less. With a source it takes over what that
 * holds, and nothing else before it is opened.
 */
export async function createDurable(
  api: JetStreamApi,
  stream: StreamName,
  incarnation: number,
  storeBytes: number,
  source?: StreamSource,
): Promise<StreamInfo> {
  const open = wanted(stream, incarnation, storeBytes);
  const config = source === undefined ? open : { ...open, subjects: [], sources: [source] };
  for (let bytes = config.max_bytes; ; bytes = Math.floor(bytes / 2)) {
    try {
      return await api.createStream({ ...config, max_bytes: bytes });
    } catch (caught) {
      const full = caught instanceof GatewayError && caught.code === "STORE_FULL";
      if (!full || bytes / 2 < leastBytes) throw caught;
    }
  }
}

/**
 * Brings a stream that is there to what it should be. Rejects with UPLINK_UNAVAILABLE where it is not the gateway's: what
 * throws messages away once they were read, or refuses new ones, would lose them.
 */
export async function fitDurable(
  api: JetStreamApi,
  stream: StreamName,
  incarnation: number,
  storeBytes: number,
  { config, sources: [source] = [] }: StreamInfo,
): Promise<void> {
  const want = wanted(stream, incarnation, storeBytes);
  if (config.retention !== "limits" || config.storage !== "file") {
    throw new GatewayError(
      "UPLINK_UNAVAILABLE",
      `The stream ${config.name} on this server is another one: ${config.storage} storage, ${config.retention} retention. Remove or rename it, and it is made anew`,
    );
  }
  if (source !== undefined && (source.lag > 0 || source.active < 0))
    throw new GatewayError("UPLINK_UNAVAILABLE", `${config.name} is being filled by another gateway`);
  const subjects = [...new Set([...config.subjects, ...want.subjects])];
  const isSame =
    subjects.length === config.subjects.length &&
    config.discard === "old" &&
    config.allow_direct === true &&
    source === undefined &&
    (config.max_bytes === -1 || config.max_bytes >= want.max_bytes);
  if (isSame) return;
  try {
    await api.updateStream({
      ...config,
      subjects,
      discard: "old",
      allow_direct: true,
      sources: [],
      max_bytes: Math.max(config.max_bytes, want.max_bytes),
    });
  } catch (caught) {
    if (!(caught instanceof GatewayError) || caught.code !== "STORE_FULL") throw caught;
  }
}

/** Takes a stream's subjects away, for the next incarnation: what it holds stays. */
export async function closeDurable(api: JetStreamApi, { config }: StreamInfo): Promise<void> {
  const subjects = [`linegate.closed.${config.name}`];
  if (config.subjects[0] !== subjects[0]) await api.updateStream({ ...config, subjects });
}

/** Gives a stream that was made with a source its subjects, and takes the source away. */
export async function openDurable(
  api: JetStreamApi,
  stream: StreamName,
  { config }: StreamInfo,
): Promise<void> {
  await api.updateStream({ ...config, subjects: kinds[stream].subjects, sources: [] });
}
