import { GatewayError } from "../domain/errors.ts";

/** A request over the core connection: the reply's payload, or a GatewayError UPLINK_UNAVAILABLE. */
export type Ask = (subject: string, payload: string) => Promise<Uint8Array>;

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

/** The configuration of a stream, as far as it is ours, in the API's own spelling. */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects: readonly string[];
  readonly storage: "memory" | "file";
  readonly retention: "limits" | "interest" | "workqueue";
  readonly discard: "old" | "new";
  readonly max_bytes: number;
  readonly max_msgs_per_subject: number;
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
    const reply = await this.#call<{ config: StreamConfig }>(`$JS.API.STREAM.INFO.${name}`, "");
    if (reply.error?.err_code === streamNotFound) return undefined;
    return accepted(reply, `stream ${name}`).config;
  }

  async createStream(config: StreamConfig): Promise<void> {
    accepted(
      await this.#call(`$JS.API.STREAM.CREATE.${config.name}`, JSON.stringify(config)),
      `stream ${config.name}`,
    );
  }

  async updateStream(config: StreamConfig): Promise<void> {
    accepted(
      await this.#call(`$JS.API.STREAM.UPDATE.${config.name}`, JSON.stringify(config)),
      `stream ${config.name}`,
    );
  }

  /** Resolves when JetStream has looked through the account and its streams. */
  async accountInfo(): Promise<void> {
    accepted(await this.#call("$JS.API.INFO", ""), "its state");
  }

  /** Publishes and resolves when the stream on that subject has stored it. */
  async publish(subject: string, payload: string): Promise<void> {
    accepted(await this.#call(subject, payload), subject);
  }

  async #call<R>(subject: string, payload: string): Promise<R & ApiReply> {
    const reply = await this.#ask(subject, payload);
    try {
      return JSON.parse(Buffer.from(reply).toString("utf8")) as R & ApiReply;
    } catch (caught) {
      throw new GatewayError("PROTOCOL_VIOLATION", `${subject} was not answered by JetStream`, {
        cause: caught,
      });
    }
  }
}

function accepted<R extends ApiReply>(reply: R, what: string): R {
  const { error } = reply;
  if (error === undefined) return reply;
  throw new GatewayError(
    "UPLINK_UNAVAILABLE",
    `JetStream refuses ${what}: ${error.description ?? `error ${error.err_code ?? error.code}`}`,
    { context: { code: error.code, errCode: error.err_code } },
  );
}
