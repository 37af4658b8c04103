import type { NatsConnection } from "@nats-io/transport-node";
import { GatewayError } from "../../domain/errors.ts";
import { ask } from "../../nats/ask.ts";
import { JetStreamApi, type StreamInfo } from "../../nats/jetstream-api.ts";
import { Ledger, type StreamReport } from "./ledger.ts";
import { identityOf } from "./message-identity.ts";
import { readHeaders } from "./read-headers.ts";

const answerWithinMs = 10_000;
/** A source that was not heard of for so long may have more than its lag says. */
const heardWithinNs = 30e9;

/** What the hub holds, and whether it is all that it should be. */
export interface HubReport {
  /** False where anything is missing, twice or out of order. */
  readonly ok: boolean;
  readonly streams: readonly StreamReport[];
  /** Messages without the headers of a gateway's outbox: nothing can be said about them. */
  readonly foreign: { readonly batches: number; readonly events: number };
  /** Sources that the hub has not heard of lately, or that have more than it has taken over. */
  readonly behind: readonly string[];
}

/** Reads all of BATCHES and EVENTS at the hub. @param fromFirst what came before the hub did is not missing. Rejects with UPLINK_UNAVAILABLE where they can't be read. */
export async function verifyHub(
  connection: NatsConnection,
  { fromFirst = false }: { readonly fromFirst?: boolean | undefined } = {},
): Promise<HubReport> {
  const api = new JetStreamApi((subject, payload) => ask(connection, subject, payload, answerWithinMs));
  const ledger = new Ledger();
  const foreign = { batches: 0, events: 0 };
  // In this order: an event goes ahead of the batches after it, so those before the last batch are there by then.
  const batches = await streamOf(api, "BATCHES");
  for await (const { header } of readHeaders(connection, "BATCHES", batches.state.last_seq)) {
    const identity = identityOf(header);
    if (identity === undefined) foreign.batches += 1;
    else ledger.takeBatch(identity);
  }
  const events = await streamOf(api, "EVENTS");
  for await (const { header } of readHeaders(connection, "EVENTS", events.state.last_seq)) {
    const identity = identityOf(header);
    if (identity === undefined) foreign.events += 1;
    else ledger.takeEvent(identity);
  }
  const eventsBehind = behindIn(events);
  const streams = ledger.reports({
    trimmed: { batches: batches.state.first_seq > 1, events: events.state.first_seq > 1 },
    fromFirst,
    eventsUpToDate: (gateway) => !eventsBehind.some((one) => one.startsWith(`${gateway} `)),
  });
  const sound = streams.every(
    ({ gaps, duplicates, reorderings }) => (gaps ?? 0) === 0 && duplicates === 0 && reorderings === 0,
  );
  return { ok: sound, streams, foreign, behind: [...behindIn(batches), ...eventsBehind] };
}

async function streamOf(api: JetStreamApi, name: string): Promise<StreamInfo> {
  const info = await api.streamInfo(name);
  if (info !== undefined) return info;
  throw new GatewayError(
    "CONFIG_INVALID",
    `There is no stream ${name} here: linegate hub apply makes the hub's streams.`,
  );
}

/** As `line1-gw BATCHES`. */
function behindIn({ sources }: StreamInfo): string[] {
  return (sources ?? [])
    .filter(({ lag, active }) => lag > 0 || active < 0 || active > heardWithinNs)
    .map(({ name, external }) => `${/^\$JS\.(.*)\.API$/.exec(external?.api ?? "")?.[1] ?? "?"} ${name}`);
}
