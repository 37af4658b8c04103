import type { Clock } from "../../adapter-kit/clock.ts";
import type { PublishedReading } from "../../domain/reading.ts";
import { Histogram, insideMs } from "../../observability/histogram.ts";
import type { LastValues } from "./last-values.ts";

/** What the service needs of the connection to NATS. */
export interface LiveLink {
  /** False where the message was dropped, which the link counts. */
  publish(subject: string, payload: Uint8Array): boolean;
}

/**
 * Readings → NATS subjects, each published once; the stream LATEST keeps the newest by itself. What could not be sent
 * while nats-server was away is made good by `refill`: the newest of every tag, not the history.
 */
export class LivePublisher {
  /** From the sample's arrival in the gateway to its hand-over to NATS, in ms. */
  readonly readToNats = new Histogram(insideMs);
  readonly #link: LiveLink;
  readonly #last: LastValues;
  readonly #clock: Clock;
  /** Topics whose last reading did not go out: at most one entry a tag, however long nats-server is away. */
  readonly #missed = new Set<string>();

  constructor(link: LiveLink, last: LastValues, clock: Clock) {
    this.#link = link;
    this.#last = last;
    this.#clock = clock;
  }

  /** The hot path. */
  publish({ reading, payload }: PublishedReading): void {
    const { subject, topic } = reading.path;
    if (this.#link.publish(subject, payload)) {
      this.readToNats.observe(this.#clock.monotonic() - reading.readAt);
      if (this.#missed.size > 0) this.#missed.delete(topic);
    } else this.#missed.add(topic);
  }

  /**
   * Publishes last readings again: those that could not be sent, or `all`, as after a restart of nats-server. Stops where
   * the link takes no more; the next refill goes on from there.
   */
  refill(which: "missed" | "all"): void {
    if (which === "all") for (const topic of this.#last.topics()) this.#missed.add(topic);
    for (const topic of this.#missed) {
      if (!this.republish(topic)) return;
      this.#missed.delete(topic);
    }
  }

  /** Publishes the last reading of one tag again; false where the link takes no more now. */
  republish(topic: string): boolean {
    const last = this.#last.entry(topic);
    return last === undefined || this.#link.publish(last.path.subject, Buffer.from(last.json));
  }
}
