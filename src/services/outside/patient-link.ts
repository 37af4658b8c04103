import type { Log } from "../../adapter-kit/log.ts";
import type { NatsLink } from "../../nats/link.ts";

/** Of the messages that wait for NATS; beyond it the oldest are lost. */
const mostWaiting = 1_000;

/** A link for what is told once: while NATS is away it is kept, and goes out in order as soon as NATS is back. */
export class PatientLink {
  readonly #link: NatsLink;
  readonly #log: Log;
  readonly #waiting: { readonly subject: string; readonly payload: Uint8Array }[] = [];
  #isFull = false;

  constructor(link: NatsLink, log: Log) {
    this.#link = link;
    this.#log = log;
    link.onRefill((reason) => {
      if (reason === "connected") this.#send();
    });
  }

  /** False where it was not sent at once. Never throws. */
  publish(subject: string, payload: Uint8Array): boolean {
    if (this.#link.state === "connected") return this.#link.publish(subject, payload);
    this.#waiting.push({ subject, payload });
    if (this.#waiting.length <= mostWaiting) return false;
    if (!this.#isFull) this.#log.error({ mostWaiting }, "NATS is away for too long: events are lost");
    this.#isFull = true;
    this.#waiting.shift();
    return false;
  }

  subscribe(...subscription: Parameters<NatsLink["subscribe"]>): () => void {
    return this.#link.subscribe(...subscription);
  }

  #send(): void {
    for (const { subject, payload } of this.#waiting.splice(0)) this.#link.publish(subject, payload);
    this.#isFull = false;
  }
}
