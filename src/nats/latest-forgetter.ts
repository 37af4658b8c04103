import type { Log } from "../adapter-kit/log.ts";
import { GatewayError, toGatewayError } from "../domain/errors.ts";
import type { NatsLink } from "./link.ts";

export interface LatestForgetterOptions {
  readonly link: Pick<NatsLink, "request">;
  /** Whether the gateway has a last reading on the subject: then it is not gone, or is back. */
  readonly hasValue: (subject: string) => boolean;
  /** Publishes the last reading of a subject again. */
  readonly republish: (subject: string) => void;
  readonly log: Log;
}

const withinMs = 3_000;
/** More than this is not remembered while nats-server is away. */
const mostSubjects = 100_000;

/**
 * Takes the last readings of tags that are gone out of LATEST, so that no late joiner finds them. What can't be done while
 * nats-server is away is done by `retry`; a tag that is back meanwhile is left alone.
 */
export class LatestForgetter {
  readonly #options: LatestForgetterOptions;
  readonly #subjects = new Set<string>();
  #working = false;
  #told = false;
  #stopped = false;

  constructor(options: LatestForgetterOptions) {
    this.#options = options;
  }

  /** Begins in the background; never throws. */
  forget(subjects: readonly string[]): void {
    for (const subject of subjects) if (this.#subjects.size < mostSubjects) this.#subjects.add(subject);
    void this.#work();
  }

  /** Goes on with what failed: the link is back. */
  retry(): void {
    void this.#work();
  }

  stop(): void {
    this.#stopped = true;
    this.#subjects.clear();
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (const subject of this.#subjects) {
        if (this.#stopped) return;
        await this.#purge(subject);
        this.#subjects.delete(subject);
      }
      this.#told = false;
    } catch (caught) {
      if (!this.#told && !this.#stopped) this.#tell(toGatewayError(caught));
    } finally {
      this.#working = false;
    }
  }

  async #purge(subject: string): Promise<void> {
    const { link, hasValue, republish } = this.#options;
    if (hasValue(subject)) return;
    const answer = await link.request(
      "$JS.API.STREAM.PURGE.LATEST",
      JSON.stringify({ filter: subject }),
      withinMs,
    );
    const { error } = JSON.parse(Buffer.from(answer).toString()) as { error?: { description?: string } };
    if (error !== undefined) {
      throw new GatewayError(
        "UPLINK_UNAVAILABLE",
        `${subject} could not be taken out of LATEST: ${error.description ?? "refused"}`,
      );
    }
    // A reading that came while the purge was under way may have been purged with the old ones.
    if (hasValue(subject)) republish(subject);
  }

  #tell(error: GatewayError): void {
    this.#told = true;
    const left = this.#subjects.size;
    this.#options.log.warn(
      { error: error.message, left },
      "LATEST still holds tags that are gone; tried again when nats-server is back",
    );
  }
}
