import { connect, type NatsConnection } from "@nats-io/transport-node";
import { ask } from "../../src/nats/ask.ts";
import { JetStreamApi } from "../../src/nats/jetstream-api.ts";
import { numberHeader } from "../../src/store/outbox-header.ts";

const answerWithinMs = 5_000;

/** By stream: which of the numbers it holds, at which places. For whoever looks where a message got lost. */
export type Whereabouts = Readonly<Record<string, readonly string[]>>;

/** Of the gateway's own nats-server and of the hub: every stream of events and batches, and what of the numbers is in it. */
export async function whereabouts(
  numbers: readonly number[],
  local: number,
  fleet: NatsConnection,
): Promise<Whereabouts> {
  const gateway = await connect({ servers: `nats://127.0.0.1:${local}` });
  try {
    return { ...(await look(gateway, "gateway", numbers)), ...(await look(fleet, "hub", numbers)) };
  } finally {
    await gateway.close();
  }
}

async function look(
  connection: NatsConnection,
  where: string,
  numbers: readonly number[],
): Promise<Whereabouts> {
  const api = new JetStreamApi((subject, payload) => ask(connection, subject, payload, answerWithinMs));
  const names = (await api.streamNames()).filter((name) => /^(EVENTS|BATCHES)/.test(name));
  const found: Record<string, string[]> = {};
  for (const name of names) {
    // One stream after the other, and one message after the other: nobody waits for it.
    const { first_seq: first = 1, last_seq: last = 0 } = (await api.streamInfo(name))?.state ?? {};
    const places: string[] = [`holds ${first} to ${last}`];
    for (let seq = first; seq <= last; seq += 1) {
      const { hdrs = "" } = (await api.message(name, seq)) ?? {};
      const fields = Buffer.from(hdrs, "base64").toString();
      const number = Number(new RegExp(`^${numberHeader}: ?(\\d+)\r$`, "m").exec(fields)?.[1]);
      if (numbers.includes(number)) places.push(`number ${number} at ${seq}`);
    }
    found[`${where} ${name}`] = places;
  }
  return found;
}
