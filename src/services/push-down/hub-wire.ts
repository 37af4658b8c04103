import type { Clock } from "../../adapter-kit/clock.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { NatsLink } from "../../nats/link.ts";

/** What the push-down needs of whatever leads to the hub: the leaf, or a connection of its own. */
export interface HubWire {
  /**
   * One question to the hub. Resolves with undefined where the hub says that there is nothing; rejects with
   * UPLINK_UNAVAILABLE where nobody answers in time.
   */
  ask(subject: string, payload: Uint8Array | string): Promise<Uint8Array | undefined>;
  /** What is published at the hub meanwhile; returns the way to stop. */
  subscribe(subject: string, handler: () => void): () => void;
}

const withinMs = 10_000;
/** Statuses of NATS: nobody answers; there is no such message. */
const nobody = 503;
const nothing = 404;

export interface LeafWireOptions {
  readonly gateway: string;
  readonly link: Pick<NatsLink, "publishKept" | "subscribe">;
  readonly clock: Clock;
}

/**
 * Over the embedded server and its leaf connection. Answers come on `_INBOX.<gateway>.push.…` and on nothing else, so that
 * the hub need not let a gateway listen to everybody's inboxes.
 */
export class LeafWire implements HubWire {
  readonly #options: LeafWireOptions;
  readonly #open = new Map<string, (answer: { data: Uint8Array; status?: number | undefined }) => void>();
  #stop: (() => void) | undefined;
  #asked = 0;

  constructor(options: LeafWireOptions) {
    this.#options = options;
  }

  subscribe(subject: string, handler: () => void): () => void {
    return this.#options.link.subscribe(subject, handler);
  }

  async ask(subject: string, payload: Uint8Array | string): Promise<Uint8Array | undefined> {
    const { link, clock } = this.#options;
    this.#listen();
    this.#asked += 1;
    const reply = `${this.#inbox}${this.#asked}`;
    const answered = Promise.withResolvers<{ data: Uint8Array; status?: number | undefined }>();
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

  /** Idempotent. */
  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  get #inbox(): string {
    return `_INBOX.${this.#options.gateway}.push.`;
  }

  #listen(): void {
    this.#stop ??= this.#options.link.subscribe(`${this.#inbox}*`, ({ subject, data, status }) =>
      this.#open.get(subject)?.({ data, status }),
    );
  }
}

function unanswered(subject: string, why: string): never {
  throw new GatewayError("UPLINK_UNAVAILABLE", `The hub does not answer on ${subject}: ${why}`);
}
