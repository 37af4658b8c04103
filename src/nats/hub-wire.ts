import { createInbox } from "@nats-io/transport-node";
import type { Clock } from "../adapter-kit/clock.ts";
import { GatewayError } from "../domain/errors.ts";
import type { NatsLink } from "./link.ts";

/** What asks the hub, over the leaf or as a client of its. */
export interface HubWire {
  /** Before the requests of the hub's JetStream API: `$JS.hub.API`. */
  readonly api: string;
  /**
   * One question to the hub. Resolves with undefined where the hub says that there is nothing; rejects with
   * UPLINK_UNAVAILABLE where nobody answers in time.
   */
  ask(subject: string, payload: Uint8Array | string): Promise<Uint8Array | undefined>;
  /** What is published at the hub meanwhile; returns the way to stop. */
  subscribe(subject: string, handler: (payload: Uint8Array) => void): () => void;
}

/** Before the gateway's own inboxes at the hub. */
export function hubInbox(gateway: string): string {
  return `_INBOX_${gateway}`;
}

const withinMs = 10_000;
/** Statuses of NATS: nobody answers; there is no such message. */
const nobody = 503;
const nothing = 404;

interface Answer {
  readonly data: Uint8Array;
  readonly status?: number | undefined;
}

export interface InboxWireOptions {
  readonly gateway: string;
  readonly api: string;
  /** To the hub, or to the server that is a leaf of it. */
  readonly link: Pick<NatsLink, "publishKept" | "subscribe">;
  readonly clock: Clock;
}

/**
 * Asks with an inbox of the gateway's own, so that the hub need not let a gateway listen to everybody's: which the client's
 * own requests would need, over a leaf.
 */
export class InboxWire implements HubWire {
  readonly #options: InboxWireOptions;
  readonly #inbox: string;
  readonly #open = new Map<string, (answer: Answer) => void>();
  #isListening = false;
  #asked = 0;

  constructor(options: InboxWireOptions) {
    this.#options = options;
    this.#inbox = createInbox(hubInbox(options.gateway));
  }

  get api(): string {
    return this.#options.api;
  }

  subscribe(subject: string, handler: (payload: Uint8Array) => void): () => void {
    return this.#options.link.subscribe(subject, ({ data }) => handler(data));
  }

  async ask(subject: string, payload: Uint8Array | string): Promise<Uint8Array | undefined> {
    const { link, clock } = this.#options;
    this.#listen();
    this.#asked += 1;
    const reply = `${this.#inbox}.${this.#asked}`;
    const answered = Promise.withResolvers<Answer>();
    this.#open.set(reply, answered.resolve);
    const impatience = new AbortController();
    const late = clock
      .sleep(withinMs, impatience.signal)
      .then(() => unanswered(subject, "no answer in time"));
    late.catch(() => undefined);
    try {
      const sent = link.publishKept(subject, Buffer.from(payload), {}, reply);
      if (sent !== "sent") unanswered(subject, sent);
      const { data, status } = await Promise.race([answered.promise, late]);
      if (status === nobody) unanswered(subject, "nobody answers there");
      return status === nothing ? undefined : data;
    } finally {
      this.#open.delete(reply);
      impatience.abort();
    }
  }

  #listen(): void {
    if (this.#isListening) return;
    this.#isListening = true;
    // As long as the link itself.
    this.#options.link.subscribe(`${this.#inbox}.*`, ({ subject, data, status }) =>
      this.#open.get(subject)?.({ data, status }),
    );
  }
}

function unanswered(subject: string, why: string): never {
  throw new GatewayError("UPLINK_UNAVAILABLE", `The hub does not answer on ${subject}: ${why}`);
}
