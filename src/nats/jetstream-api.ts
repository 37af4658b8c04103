import type { MsgHdrs } from "@nats-io/transport-node";
import { GatewayError } from "../domain/errors.ts";

/** A request over the core connection: the reply's payload, or a GatewayError UPLINK_UNAVAILABLE. */
export type Ask = (subject: string, payload: Uint8Array | string, headers?: MsgHdrs) => Promise<Uint8Array>;

/** What the JetStream API says no with, such as 10059: stream not found. */
interface ApiError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

interface ApiReply {
  readonly error?: ApiError;
}

const streamNotFound = 10_059;
const consumerNotFound = 10_014;
const noMessage = 10_037;
/** What `created` says of a stream that the server has only a name of yet (2.9.10: `addStream` before `setupStore`). */
const notMadeYet = "0001-01-01";
/** The next look finds it made, nearly always. */
const mostLooks = 100;
/** Resources, storage, the stream's own bytes: there is no room. */
const noRoom = new Set([10_023, 10_047, 10_077]);

/** The configuration of a stream, as far as it is ours, in the API's own spelling. */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects: readonly string[];
  readonly storage: "memory" | "file";
  readonly retention: "limits" | "interest" | "workqueue";
  readonly discard: "old" | "new";
  readonly max_bytes: number;
  readonly max_msgs_per_subject?: number;
  readonly max_msgs?: number;
  /** Nanoseconds. */
  readonly max_age?: number;
  readonly allow_direct?: boolean;
  readonly allow_rollup_hdrs?: boolean;
  /** Nanoseconds. */
  readonly duplicate_window?: number;
  readonly deny_delete?: boolean;
  readonly num_replicas?: number;
  readonly sources?: readonly StreamSource[];
}

/** An account as far as it is looked at. */
export interface AccountInfo {
  /** The server's own. */
  readonly domain?: string;
  /** `max_storage` in bytes, all copies together; -1 where there is no limit. */
  readonly limits?: { readonly max_storage?: number };
}

/** Another stream whose messages a stream takes over; `external` where it is in another JetStream domain. */
export interface StreamSource {
  readonly name: string;
  readonly external?: { readonly api: string; readonly deliver?: string } | null;
  /** From that place on. */
  readonly opt_start_seq?: number;
}

/** What a stream holds. */
interface StreamState {
  readonly bytes: number;
  readonly first_seq: number;
  readonly last_seq: number;
  /** When the first message was stored, as RFC 3339. */
  readonly first_ts?: string;
  /** How many messages each subject has, where that was asked for. */
  readonly subjects?: Readonly<Record<string, number>> | null;
}

export interface StreamInfo {
  /** When it was made: a stream made anew is another one. */
  readonly created: string;
  readonly config: StreamConfig;
  readonly state: StreamState;
  /** How far each source has been taken over; -1 in `active`: nothing was heard of it since the start. */
  readonly sources?: readonly SourceState[];
}

/** How far a source has been taken over. */
export interface SourceState extends StreamSource {
  /** Messages that are there and not here. */
  readonly lag: number;
  /** Since it was last heard of, in nanoseconds. */
  readonly active: number;
}

/** A consumer as far as it is looked at, in the API's own spelling (2.9.10, 2.15.2). */
export interface ConsumerInfo {
  readonly stream_name?: string;
  readonly config?: { readonly direct?: boolean; readonly opt_start_seq?: number };
}

/** One message as it is stored. */
export interface StoredMessage {
  readonly seq: number;
  readonly subject?: string;
  /** When it was stored, as RFC 3339. */
  readonly time?: string;
  /** Base64. */
  readonly data?: string;
  /** Base64. */
  readonly hdrs?: string;
}

/**
 * The few calls to JetStream's API that the gateway needs, as plain requests (ADR-32 of NATS: `$JS.API.*`).
 * The client's JetStream package does the same and takes 4 to 8 MB of memory for it.
 */
export class JetStreamApi {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** The stream's configuration as the server has it; undefined where there is no such stream. */
  async streamConfig(name: string): Promise<StreamConfig | undefined> {
    return (await this.streamInfo(name))?.config;
  }

  /**
   * The stream with what it holds; undefined where there is no such stream. One that somebody is making at this moment is looked
   * at until it is made: what would be remembered of it before would name another stream.
   */
  async streamInfo(name: string): Promise<StreamInfo | undefined> {
    for (let look = 0; look < mostLooks; look += 1) {
      // Each look waits for the server's answer: that is what this loop is for.
      const reply = await this.#call<StreamInfo>(`$JS.API.STREAM.INFO.${name}`, "");
      if (reply.error?.err_code === streamNotFound) return undefined;
      const info = accepted(reply, `stream ${name}`);
      if (isMade(info)) return info;
    }
    throw new GatewayError("UPLINK_UNAVAILABLE", `The stream ${name} is being made`);
  }

  /** A consumer of the stream, of the kinds that are in no list too; undefined where there is none of that name. */
  async consumerInfo(stream: string, name: string): Promise<ConsumerInfo | undefined> {
    const reply = await this.#call<ConsumerInfo>(`$JS.API.CONSUMER.INFO.${stream}.${name}`, "");
    if (reply.error?.err_code === consumerNotFound) return undefined;
    return accepted(reply, `consumer ${name}`);
  }

  /** Makes the stream; one of that name and configuration that is there already is returned as it is. */
  async createStream(config: StreamConfig): Promise<StreamInfo> {
    const info = accepted(
      await this.#call<StreamInfo>(`$JS.API.STREAM.CREATE.${config.name}`, JSON.stringify(config)),
      `stream ${config.name}`,
    );
    return isMade(info) ? info : ((await this.streamInfo(config.name)) ?? this.createStream(config));
  }

  async updateStream(config: StreamConfig): Promise<void> {
    accepted(
      await this.#call(`$JS.API.STREAM.UPDATE.${config.name}`, JSON.stringify(config)),
      `stream ${config.name}`,
    );
  }

  /** Resolves when JetStream has looked through the account and its streams. */
  async accountInfo(): Promise<AccountInfo> {
    return accepted(await this.#call<AccountInfo>("$JS.API.INFO", ""), "its state");
  }

  /** The names of the first thousand streams. */
  async streamNames(): Promise<readonly string[]> {
    const reply = await this.#call<{ readonly streams?: readonly string[] | null }>(
      "$JS.API.STREAM.NAMES",
      "",
    );
    return accepted(reply, "its streams").streams ?? [];
  }

  /** The first message on the subject from a sequence on; undefined where there is none. */
  async nextMessage(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined> {
    const request = JSON.stringify({ seq, next_by_subj: subject });
    const reply = await this.#call<{ message: StoredMessage }>(`$JS.API.STREAM.MSG.GET.${stream}`, request);
    if (reply.error?.err_code === noMessage) return undefined;
    return accepted(reply, `a look into ${stream}`).message;
  }

  /** The subjects under which the stream holds something, among those that the filter matches. */
  async storedSubjects(name: string, filter: string): Promise<readonly string[]> {
    const request = JSON.stringify({ subjects_filter: filter });
    const info = accepted(await this.#call<StreamInfo>(`$JS.API.STREAM.INFO.${name}`, request), name);
    return Object.keys(info.state.subjects ?? {});
  }

  /** The payload of the subject's last message in UTF-8; empty where there is none. */
  async lastPayload(stream: string, subject: string): Promise<string> {
    const request = JSON.stringify({ last_by_subj: subject });
    const reply = await this.#call<{ message: StoredMessage }>(`$JS.API.STREAM.MSG.GET.${stream}`, request);
    if (reply.error?.err_code === noMessage) return "";
    const { data = "" } = accepted(reply, `a look into ${stream}`).message;
    return Buffer.from(data, "base64").toString("utf8");
  }

  /** The last message; undefined where there is none. */
  async lastMessage(stream: string): Promise<StoredMessage | undefined> {
    const request = JSON.stringify({ last_by_subj: ">" });
    const reply = await this.#call<{ message: StoredMessage }>(`$JS.API.STREAM.MSG.GET.${stream}`, request);
    if (reply.error?.err_code === noMessage) return undefined;
    return accepted(reply, `a look into ${stream}`).message;
  }

  /** The message at a sequence; undefined where it is not there any more. */
  async message(stream: string, seq: number): Promise<StoredMessage | undefined> {
    const request = JSON.stringify({ seq });
    const reply = await this.#call<{ message: StoredMessage }>(`$JS.API.STREAM.MSG.GET.${stream}`, request);
    if (reply.error?.err_code === noMessage) return undefined;
    return accepted(reply, `a look into ${stream}`).message;
  }

  /** Removes all messages before the sequence, in one step; all there are where it is absent. */
  async purge(stream: string, seq?: number): Promise<void> {
    const request = seq === undefined ? "" : JSON.stringify({ seq });
    accepted(await this.#call(`$JS.API.STREAM.PURGE.${stream}`, request), `to purge ${stream}`);
  }

  /** Publishes and resolves when the stream on that subject has stored it. */
  async publish(subject: string, payload: Uint8Array | string, headers?: MsgHdrs): Promise<void> {
    accepted(await this.#call(subject, payload, headers), subject);
  }

  async #call<R>(subject: string, payload: Uint8Array | string, headers?: MsgHdrs): Promise<R & ApiReply> {
    const reply = await this.#ask(subject, payload, headers);
    try {
      return JSON.parse(Buffer.from(reply).toString("utf8")) as R & ApiReply;
    } catch (caught) {
      throw new GatewayError("PROTOCOL_VIOLATION", `${subject} was not answered by JetStream`, {
        cause: caught,
      });
    }
  }
}

function isMade({ created }: StreamInfo): boolean {
  return !created.startsWith(notMadeYet);
}

function accepted<R extends ApiReply>(reply: R, what: string): R {
  const { error } = reply;
  if (error === undefined) return reply;
  throw new GatewayError(
    noRoom.has(error.err_code ?? 0) ? "STORE_FULL" : "UPLINK_UNAVAILABLE",
    `JetStream refuses ${what}: ${error.description ?? `error ${error.err_code ?? error.code}`}`,
    { context: { code: error.code, errCode: error.err_code } },
  );
}
