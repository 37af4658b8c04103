import type { NatsConnection } from "@nats-io/transport-node";
import { ask } from "../../src/nats/ask.ts";
import { JetStreamApi, type StoredMessage } from "../../src/nats/jetstream-api.ts";
import { numberHeader } from "../../src/store/outbox-header.ts";
import { unpackBatch } from "../../src/services/upload/pack.ts";
import type { Arrived, Ledger } from "./ledger.ts";

const streams = ["EVENTS", "BATCHES"] as const;
const answerWithinMs = 5_000;
const atOnce = 64;

/** Reads what has come to the hub's streams since the last look, in the order of the streams. */
export class HubReader {
  readonly #api: JetStreamApi;
  readonly #read = { EVENTS: 0, BATCHES: 0 };

  constructor(fleet: NatsConnection) {
    this.#api = new JetStreamApi((subject, payload) => ask(fleet, subject, payload, answerWithinMs));
  }

  /** Rejects where the hub does not answer; what was read until then counts. */
  async look(ledger: Ledger): Promise<void> {
    for (const stream of streams) {
      const last = (await this.#api.streamInfo(stream))?.state.last_seq ?? 0;
      while (this.#read[stream] < last) {
        const from = this.#read[stream] + 1;
        const count = Math.min(atOnce, last - this.#read[stream]);
        const page = await Promise.all(
          Array.from({ length: count }, (_, index) => this.#api.message(stream, from + index)),
        );
        for (const message of page) {
          if (message !== undefined) ledger.arrive(arrived(stream, message));
          this.#read[stream] += 1;
        }
      }
    }
  }
}

function arrived(stream: Arrived["stream"], { subject = "", hdrs = "", data = "" }: StoredMessage): Arrived {
  const fields = Buffer.from(hdrs, "base64").toString();
  const field = (name: string) => new RegExp(`^${name}: ?(.*)\r$`, "m").exec(fields)?.[1] ?? "";
  const id = field("Nats-Msg-Id");
  const [, run = "", number = ""] = /^[^:]+:([^:]+):.*?(\d+)$/.exec(id) ?? [];
  return {
    id,
    stream,
    run,
    number: Number(field(numberHeader) || number),
    marks: stream === "BATCHES" ? countsOf(Buffer.from(data, "base64")) : salesOf(subject, data),
  };
}

/** A durable message of the device, by its own identity. */
function salesOf(subject: string, data: string): readonly string[] {
  if (!subject.endsWith(".counter.sale")) return [];
  const { data: sale } = JSON.parse(Buffer.from(data, "base64").toString()) as { data: { id: string } };
  return [`sale ${sale.id}`];
}

/** The device's own numbers in a batch of raw readings: each may arrive once. */
function countsOf(payload: Buffer): readonly string[] {
  return unpackBatch(payload)
    .series.filter(({ tag }) => tag === "counter/n")
    .flatMap(({ columns }) => columns.flatMap(({ values }) => values))
    .filter((value) => typeof value === "number")
    .map((value) => `n ${value}`);
}
