import { headers, type NatsConnection } from "@nats-io/transport-node";
import { GatewayError } from "../../domain/errors.ts";
import { ask } from "../../nats/ask.ts";

/** The stream at the hub in which everything stands that is put for gateways, and what they answer. */
export const pushStream = "PUSH";
export const pushSubjects = ["push.*.wanted", "push.*.result", "push.*.blob.>"] as const;

const answerWithinMs = 10_000;

/** One message of the stream. */
interface Kept {
  readonly data: Uint8Array;
  readonly seq: number;
}

/** The hub's stream PUSH as whoever puts something there sees it: the last message of each subject. */
export interface PushStore {
  get(subject: string): Promise<Kept | undefined>;
  /**
   * Resolves when it is stored. With `after`: only where the subject's last message is that one, 0 for none; else false.
   */
  put(subject: string, payload: Uint8Array | string, after?: number): Promise<boolean>;
  /** Of the subjects that the filter matches, those that hold something. */
  subjects(filter: string): Promise<readonly string[]>;
  remove(subject: string): Promise<void>;
}

interface Reply {
  readonly error?: { readonly err_code?: number; readonly description?: string };
  readonly state?: { readonly subjects?: Readonly<Record<string, number>> | null };
}

const wrongLastSequence = 10_071;
const notFound = 404;
const streamNotFound = 10_059;

/** The stream over a connection to the hub. Everything rejects with UPLINK_UNAVAILABLE where it is not there. */
export function pushStoreAt(connection: NatsConnection): PushStore {
  const call = async (subject: string, payload: string): Promise<Reply> =>
    replyOf(await ask(connection, subject, payload, answerWithinMs), subject);
  return {
    get: async (subject) => {
      const request = `$JS.API.DIRECT.GET.${pushStream}.${subject}`;
      const message = await connection
        .request(request, "", { timeout: answerWithinMs })
        .catch((cause: unknown) => {
          throw noStream(cause);
        });
      if (message.headers?.code === notFound) return undefined;
      return { data: message.data, seq: Number(message.headers?.get("Nats-Sequence")) };
    },
    put: async (subject, payload, after) => {
      const header = headers();
      if (after !== undefined) header.set("Nats-Expected-Last-Subject-Sequence", String(after));
      const { error } = replyOf(await ask(connection, subject, payload, answerWithinMs, header), subject);
      if (error?.err_code === wrongLastSequence) return false;
      if (error !== undefined) throw refused(subject, error.description);
      return true;
    },
    subjects: async (filter) => {
      const asked = JSON.stringify({ subjects_filter: filter });
      const { error, state } = await call(`$JS.API.STREAM.INFO.${pushStream}`, asked);
      if (error?.err_code === streamNotFound) throw noStream();
      if (error !== undefined) throw refused(filter, error.description);
      return Object.keys(state?.subjects ?? {});
    },
    remove: async (filter) => {
      const asked = JSON.stringify({ filter });
      const { error } = await call(`$JS.API.STREAM.PURGE.${pushStream}`, asked);
      if (error !== undefined) throw refused(filter, error.description);
    },
  };
}

function replyOf(payload: Uint8Array, subject: string): Reply {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8")) as Reply;
  } catch (cause) {
    throw new GatewayError("PROTOCOL_VIOLATION", `${subject} was not answered by JetStream`, { cause });
  }
}

function refused(what: string, why = "no reason given"): GatewayError {
  return new GatewayError("UPLINK_UNAVAILABLE", `The hub refuses ${what}: ${why}`);
}

function noStream(cause?: unknown): GatewayError {
  return new GatewayError(
    "UPLINK_UNAVAILABLE",
    `The hub has no stream ${pushStream} that this user may read. Give the fleet file \`push:\` and run linegate hub apply.`,
    { cause },
  );
}
