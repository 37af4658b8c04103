import { incarnationName } from "./durable-stream.ts";
import type { ConsumerInfo, JetStreamApi, StreamConfig, StreamInfo } from "./jetstream-api.ts";
import { streamNames, type StreamName } from "../store/outbox-row.ts";

/**
 * Where whoever sources a stream asks its server for a consumer, once for each connection: the hub's request comes over the leaf
 * and is heard here as any other message. The consumers themselves are of a kind that nats-server lists to nobody (2.9.10), and tells of by name.
 */
export const asksSubject = "$JS.API.CONSUMER.CREATE.>";

/** What the hub says of itself when it asks for a stream's messages. */
export interface HubAsk {
  readonly stream: StreamName;
  readonly incarnation: number;
  /** The last place that it has; 0 where it has none, or goes by time. */
  readonly has: number;
}

/** A request as it was heard; undefined for consumers of anybody else. */
export function readAsk(payload: Uint8Array): HubAsk | undefined {
  try {
    return askOf(JSON.parse(Buffer.from(payload).toString("utf8")) as ConsumerInfo);
  } catch {
    return undefined;
  }
}

function askOf({ stream_name: name = "", config = {} }: ConsumerInfo): HubAsk | undefined {
  const [, base, incarnation = "1"] = /^([A-Z]+)(?:_(\d+))?$/.exec(name) ?? [];
  const stream = streamNames.find((one) => one === base);
  if (stream === undefined || config.direct !== true) return undefined;
  return { stream, incarnation: Number(incarnation), has: Math.max(0, (config.opt_start_seq ?? 1) - 1) };
}

/**
 * What the hub asked for before anybody could hear it: the leaf connects as soon as nats-server runs, perhaps ahead of the
 * gateway. A stream of the server's own notes which consumers were made, from its start on; those that live can be asked for by
 * name. Undefined where there is none.
 */
export async function askedBefore(
  api: JetStreamApi,
  stream: StreamName,
  incarnation: number,
): Promise<HubAsk | undefined> {
  const notes = await notesOf(api, stream, incarnation);
  for (let seq = notes.last_seq; seq >= Math.max(1, notes.first_seq); seq -= 1) {
    // The newest first, and mostly the only one: that is what this loop is for.
    const note = await api.message(notesName(stream), seq);
    const consumer = note === undefined ? undefined : note.subject?.split(".").at(-1);
    const name = incarnationName(stream, incarnation);
    const info = consumer === undefined ? undefined : await api.consumerInfo(name, consumer);
    const ask = info === undefined ? undefined : askOf(info);
    if (ask !== undefined) return ask;
  }
  return undefined;
}

const notesName = (stream: StreamName) => `ASKS_${stream}`;

async function notesOf(
  api: JetStreamApi,
  stream: StreamName,
  incarnation: number,
): Promise<StreamInfo["state"]> {
  const config: StreamConfig = {
    name: notesName(stream),
    description: `Who has asked for what ${stream} holds, noted by Linegate`,
    subjects: [`$JS.EVENT.ADVISORY.CONSUMER.CREATED.${incarnationName(stream, incarnation)}.*`],
    // One of memory is gone with the server, and not there when it starts.
    storage: "file",
    retention: "limits",
    discard: "old",
    max_bytes: 65_536,
    max_msgs: 32,
  };
  const info = (await api.streamInfo(config.name)) ?? (await api.createStream(config));
  if (info.config.subjects[0] !== config.subjects[0]) await api.updateStream({ ...info.config, ...config });
  return info.state;
}
