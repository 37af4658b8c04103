import { headers, type Msg, type NatsConnection, type Subscription } from "@nats-io/transport-node";
import type { Log } from "../adapter-kit/log.ts";

/** One message as a subscriber gets it. */
interface NatsMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Of an answer that is none, such as 404 or 503; absent for what somebody published. */
  readonly status?: number;
  /** Answers a request; false where there is nobody to answer, or no connection any more. Never throws. */
  respond(payload: Uint8Array | string, headerFields?: Readonly<Record<string, string>>): boolean;
}

export type NatsHandler = (message: NatsMessage) => void;

export interface SubscribeOptions {
  /** Of all subscribers with this queue group one gets each message. */
  readonly queue?: string;
}

interface Entry {
  readonly subject: string;
  readonly handler: NatsHandler;
  readonly options: SubscribeOptions;
  live?: Subscription;
}

/** What the gateway listens to: kept here, and asked for anew on each connection. */
export class Subscriptions {
  readonly #log: Log;
  readonly #entries = new Set<Entry>();
  #connection: NatsConnection | undefined;
  #received = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  get received(): number {
    return this.#received;
  }

  /** Returns the way to stop. A handler that throws is logged and costs its message only. */
  add(subject: string, handler: NatsHandler, options: SubscribeOptions = {}): () => void {
    const entry: Entry = { subject, handler, options };
    this.#entries.add(entry);
    if (this.#connection !== undefined) this.#ask(this.#connection, entry);
    return () => {
      this.#entries.delete(entry);
      if (this.#connection?.isClosed() === false) entry.live?.unsubscribe();
    };
  }

  attach(connection: NatsConnection): void {
    this.#connection = connection;
    for (const entry of this.#entries) this.#ask(connection, entry);
  }

  detach(): void {
    this.#connection = undefined;
    for (const entry of this.#entries) delete entry.live;
  }

  #ask(connection: NatsConnection, entry: Entry): void {
    if (connection.isClosed()) return;
    entry.live = connection.subscribe(entry.subject, {
      ...entry.options,
      // A refusal comes as a status of the connection too, and is logged there.
      callback: (error, message) => {
        if (error === null) this.#take(entry, message);
      },
    });
  }

  #take(entry: Entry, message: Msg): void {
    this.#received += 1;
    const status = message.headers?.code ?? 0;
    try {
      entry.handler({
        subject: message.subject,
        data: message.data,
        ...(status === 0 ? {} : { status }),
        respond: (payload, headerFields) => respond(message, payload, headerFields),
      });
    } catch (caught) {
      // An exception here would end the client's read loop, and with it the connection, without a word.
      this.#log.error(
        { subject: message.subject, error: String(caught) },
        "A handler of NATS messages failed",
      );
    }
  }
}

function respond(
  message: Msg,
  payload: Uint8Array | string,
  headerFields?: Readonly<Record<string, string>>,
): boolean {
  try {
    if (headerFields === undefined) return message.respond(payload);
    const fields = headers();
    for (const [name, value] of Object.entries(headerFields)) fields.set(name, value);
    return message.respond(payload, { headers: fields });
  } catch {
    return false;
  }
}
