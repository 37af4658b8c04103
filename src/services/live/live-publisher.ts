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

  constructor(link: LiveLink, last: LastValues, clock: Clock) {
    this.#link = link;
    this.#last = last;
    this.#clock = clock;
  }

  /** The hot path. */
  publish({ reading, payload }: PublishedReading): void {
    if (this.#link.publish(reading.path.subject, payload)) {
      this.readToNats.observe(this.#clock.monotonic() - reading.readAt);
    }
  }

  /** Publishes the last reading of every tag again, as after a restart of nats-server. Resolves with how many went out. */
  refill(): number {
    let sent = 0;
    for (const { path, json } of this.#last.values()) {
      if (this.#link.publish(path.subject, Buffer.from(json))) sent += 1;
    }
    return sent;
  }
}
