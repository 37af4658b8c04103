import type { StreamName } from "../store/outbox-row.ts";
import { incarnationName } from "./durable-stream.ts";
import type { Place } from "./hub-place.ts";
import type { JetStreamApi } from "./jetstream-api.ts";
import { nextLocal, type LocalMessage } from "./local-messages.ts";
import type { NatsLink } from "./link.ts";

export interface LocalReaderOptions {
  readonly stream: StreamName;
  readonly link: Pick<NatsLink, "requestMessage">;
  readonly api: JetStreamApi;
  /** Before the subjects that are this gateway's, such as `batch.line3-gw.`. */
  readonly prefixes: readonly string[];
  /** Which incarnation is written to. */
  readonly incarnation: () => number;
}

/** Reads one local stream from a place on, through all of its incarnations. */
export class LocalReader {
  readonly #options: LocalReaderOptions;
  #place: Place = { incarnation: 1, seq: 0 };

  constructor(options: LocalReaderOptions) {
    this.#options = options;
  }

  /** Up to where it has read. */
  get place(): Place {
    return this.#place;
  }

  /** Goes on behind that place. */
  async begin(place: Place): Promise<void> {
    this.#place = place;
    await this.#skipMissing();
  }

  /** The message that `read` gave is dealt with. */
  advance(seq: number): void {
    this.#place = { incarnation: this.#place.incarnation, seq };
  }

  /**
   * The next message of this gateway; undefined where there is none yet. `mayLeave`: the next incarnation may be begun where
   * this one has come to its end.
   */
  async read(mayLeave: boolean): Promise<LocalMessage | undefined> {
    const { link, stream, incarnation, prefixes } = this.#options;
    for (;;) {
      const { incarnation: here, seq } = this.#place;
      // One after the other: that is what this loop is for.
      const message = await nextLocal(link, incarnationName(stream, here), seq + 1);
      if (message !== undefined) {
        if (prefixes.some((prefix) => message.subject.startsWith(prefix))) return message;
        this.advance(message.seq);
      } else if (here >= incarnation() || !mayLeave) return undefined;
      else await this.begin({ incarnation: here + 1, seq: 0 });
    }
  }

  /** An incarnation that is not there any more has nothing to forward. */
  async #skipMissing(): Promise<void> {
    const { stream, incarnation, api } = this.#options;
    while (this.#place.incarnation < incarnation()) {
      // One after the other: that is what this loop is for.
      const info = await api.streamInfo(incarnationName(stream, this.#place.incarnation));
      if (info !== undefined) return;
      this.#place = { incarnation: this.#place.incarnation + 1, seq: 0 };
    }
  }
}
