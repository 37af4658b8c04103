import { createInbox, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { systemClock } from "../../adapter-kit/clock.ts";
import { GatewayError } from "../../domain/errors.ts";
import { ask } from "../../nats/ask.ts";
import { JetStreamApi } from "../../nats/jetstream-api.ts";

const answerWithinMs = 10_000;
/** Asked for at once: headers alone, so some 300 bytes each. */
const perPull = 1_000;
const mostSilences = 3;
/** A server of a cluster that was just started may not have all yet: it is asked again, this often. */
const mostBehind = 40;
const behindPauseMs = 500;
/** There are no messages for this consumer. */
const noMessages = 404;

/** A message's headers and its place in the stream. */
export interface StoredHeaders {
  readonly seq: number;
  /** The header's value; empty where there is none. */
  readonly header: (name: string) => string;
}

/**
 * The headers of every message that a stream holds, in order, up to `last`. A consumer that is gone meanwhile, as with
 * a server of the hub, is made anew where it was. Rejects with UPLINK_UNAVAILABLE where the hub gives none.
 */
export async function* readHeaders(
  connection: NatsConnection,
  stream: string,
  last: number,
): AsyncGenerator<StoredHeaders> {
  let next = 1;
  let silences = 0;
  let behind = 0;
  const api = new JetStreamApi((subject, payload) => ask(connection, subject, payload, answerWithinMs));
  while (next <= last) {
    const consumer = await createConsumer(connection, stream, next);
    try {
      for (;;) {
        const { messages, end } = await pull(connection, stream, consumer);
        silences = messages.length > 0 ? 0 : silences + 1;
        for (const message of messages) {
          const seq = sequenceOf(message);
          if (seq > last) return;
          if (seq < next) continue;
          next = seq + 1;
          yield { seq, header: (name) => message.headers?.get(name) ?? "" };
        }
        if (messages.length > 0) behind = 0;
        else if (!end) break;
        else if (await holdsNone(api, stream, next, last)) return;
        else {
          behind += 1;
          silences = 0;
          break;
        }
      }
    } finally {
      await remove(connection, stream, consumer);
    }
    if (behind > 0) await systemClock.sleep(behindPauseMs);
    if (silences < mostSilences && behind < mostBehind) continue;
    throw new GatewayError(
      "UPLINK_UNAVAILABLE",
      `The hub gives no more of ${stream} after message ${next - 1}.`,
    );
  }
}

/** Whether the stream itself, asked where it is led, holds none of these: limits or people have removed them. */
async function holdsNone(api: JetStreamApi, stream: string, from: number, last: number): Promise<boolean> {
  const next = await api.nextMessage(stream, ">", from);
  return next === undefined || next.seq > last;
}

async function createConsumer(connection: NatsConnection, stream: string, from: number): Promise<string> {
  const name = `linegate-verify-${createInbox().slice(-12)}`;
  const request = {
    stream_name: stream,
    config: {
      name,
      deliver_policy: "by_start_sequence",
      opt_start_seq: from,
      ack_policy: "none",
      replay_policy: "instant",
      headers_only: true,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 60e9,
    },
  };
  const subject = `$JS.API.CONSUMER.CREATE.${stream}.${name}`;
  const reply = await ask(connection, subject, JSON.stringify(request), answerWithinMs);
  const { error } = JSON.parse(Buffer.from(reply).toString()) as { error?: { description?: string } };
  if (error === undefined) return name;
  throw new GatewayError(
    "UPLINK_UNAVAILABLE",
    `The hub refuses to have ${stream} read: ${error.description}`,
  );
}

/** The next messages: none where the hub does not answer or the consumer is gone; `end` where there are no more. */
async function pull(
  connection: NatsConnection,
  stream: string,
  consumer: string,
): Promise<{ readonly messages: readonly Msg[]; readonly end: boolean }> {
  const inbox = createInbox();
  const messages: Msg[] = [];
  let end = false;
  const subscription = connection.subscribe(inbox, { timeout: answerWithinMs });
  connection.publish(
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    JSON.stringify({ batch: perPull, no_wait: true }),
    { reply: inbox },
  );
  try {
    for await (const message of subscription) {
      // A status, such as 404 (no messages) or 408: the end of this page. 100 is a sign of life.
      const status = message.headers?.code ?? 0;
      if (message.data.length === 0 && status !== 0) {
        end = status === noMessages && messages.length === 0;
        if (status !== 100) break;
        continue;
      }
      messages.push(message);
      if (messages.length === perPull) break;
    }
  } catch {
    // Nobody answered in time: what came so far counts, and the rest is asked for again.
  } finally {
    subscription.unsubscribe();
  }
  return { messages, end };
}

async function remove(connection: NatsConnection, stream: string, consumer: string): Promise<void> {
  const subject = `$JS.API.CONSUMER.DELETE.${stream}.${consumer}`;
  await ask(connection, subject, "", answerWithinMs).catch(() => undefined);
}

/** ADR-15 of NATS: `$JS.ACK.<stream>.<consumer>.<delivered>.<seq>…`, newer servers with a domain and an account before. */
function sequenceOf(message: Msg): number {
  const tokens = (message.reply ?? "").split(".");
  return Number(tokens.length > 9 ? tokens[7] : tokens[5]);
}
