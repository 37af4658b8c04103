import type { Log } from "../../adapter-kit/log.ts";
import { toGatewayError } from "../../domain/errors.ts";
import type { NatsLink } from "../../nats/link.ts";

const answerWithinMs = 2_000;
/** Sent together; the next ones wait until these are answered, so that what fails is told again in order. */
const mostTogether = 100;
/** One message for the gateway. */
export interface Telling {
  readonly payload: string;
  /** What it is known by to its sender. */
  readonly key?: string;
  /** Not kept while the gateway is away: its sender tells it anew. */
  readonly passing?: true;
}

export interface AcknowledgedQueueOptions {
  /** What it carries, for the log: such as `entries of the audit`. */
  readonly what: string;
  readonly subject: string;
  /** Of the messages that wait; beyond it the oldest are lost. */
  readonly most: number;
  /** How often a message is told that the gateway got, perhaps, and did not answer; absent: until it does. */
  readonly tries?: number;
  readonly link: Pick<NatsLink, "request">;
  readonly log: Log;
  /** It need not be kept any more: taken, or lost. */
  readonly done?: (telling: Telling) => void;
}

interface Waiting {
  readonly telling: Telling;
  tries: number;
}

/** What only the gateway can pass on, in order, each kept until the gateway has said that it has it: at least once. */
export class AcknowledgedQueue {
  readonly #options: AcknowledgedQueueOptions;
  #waiting: Waiting[] = [];
  #isAway = true;
  #isFull = false;
  #lost = 0;
  #sending: Promise<void> | undefined;

  constructor(options: AcknowledgedQueueOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Messages that were given up since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** True while the gateway is not known to take anything: what is passing is not taken up then. */
  get isAway(): boolean {
    return this.#isAway;
  }

  add(telling: Telling): void {
    if (telling.passing === true && this.#isAway) return;
    this.#waiting.push({ telling, tries: 0 });
    if (this.#isAway) this.#drop();
    else this.#send();
  }

  /** The gateway answers: what waits is told now. */
  goOn(): void {
    this.#isAway = false;
    this.#isFull = false;
    this.#send();
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  #send(): void {
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (!this.#isAway && this.#waiting.length > 0) this.#send();
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#isAway) {
      const together = this.#waiting.splice(0, mostTogether);
      const again = await Promise.all(together.map((one) => this.#tell(one)));
      const open = together.filter((_, index) => again[index]);
      if (open.length === 0) continue;
      this.#isAway = true;
      this.#waiting = [...open, ...this.#waiting].filter(({ telling }) => telling.passing !== true);
      this.#drop();
    }
  }

  /** True where it is to be told again. Never rejects. */
  async #tell(one: Waiting): Promise<boolean> {
    const { link, subject, log, what, done, tries = Infinity } = this.#options;
    try {
      const answer = await link.request(subject, one.telling.payload, answerWithinMs);
      const { ok } = JSON.parse(Buffer.from(answer).toString()) as { readonly ok?: unknown };
      if (ok !== true) {
        log.error(
          { subject, payload: one.telling.payload },
          `The gateway refuses this of the ${what}: it is lost`,
        );
        this.#lost += 1;
      }
    } catch (caught) {
      const { context, message } = toGatewayError(caught);
      if (context["sent"] !== false) one.tries += 1;
      if (one.tries < tries) return true;
      log.error(
        { subject, error: message },
        `The gateway answers none of the ${what}: one is given up, and may be there`,
      );
      this.#lost += 1;
    }
    done?.(one.telling);
    return false;
  }

  #drop(): void {
    const { most, what, log, done } = this.#options;
    const lost = this.#waiting.splice(0, Math.max(0, this.#waiting.length - most));
    if (lost.length === 0) return;
    if (!this.#isFull)
      log.error({ most }, `The gateway is away for too long: ${what} are lost, the oldest first`);
    this.#isFull = true;
    this.#lost += lost.length;
    for (const { telling } of lost) done?.(telling);
  }
}
