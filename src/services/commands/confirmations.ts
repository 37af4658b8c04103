import type { Duration } from "../../domain/duration.ts";

/** What a token stands for: it is good for this write by this writer, and for nothing else. */
export interface ConfirmedWrite {
  readonly tag: string;
  /** In its JSON form. */
  readonly value: string;
  readonly writer: string;
}

/** Nobody waits to confirm so many: the oldest goes, so that askers can't grow the gateway. */
const mostOpen = 256;

/** The tokens of the two-step confirm: each good once, for a time. They do not outlive the gateway. */
export class Confirmations {
  readonly #within: Duration;
  readonly #newToken: () => string;
  readonly #open = new Map<string, ConfirmedWrite & { readonly until: number }>();

  constructor(within: Duration, newToken: () => string) {
    this.#within = within;
    this.#newToken = newToken;
  }

  /** A new token for a write; `now` is monotonic ms. */
  ask(write: ConfirmedWrite, now: number): string {
    const oldest = this.#open.keys().next();
    if (this.#open.size >= mostOpen && oldest.done !== true) this.#open.delete(oldest.value);
    const token = this.#newToken();
    this.#open.set(token, { ...write, until: now + this.#within });
    return token;
  }

  /** What is wrong with a token; undefined where it is good for this write. It is used up by `use` alone. */
  problemOf(token: string, write: ConfirmedWrite, now: number): string | undefined {
    const asked = this.#open.get(token);
    if (asked === undefined) return "the confirmation is not known, or was used already";
    if (now > asked.until) {
      this.#open.delete(token);
      return "the confirmation came too late";
    }
    if (asked.tag !== write.tag || asked.value !== write.value) {
      return `the confirmation is for ${asked.tag} = ${asked.value}`;
    }
    return asked.writer === write.writer ? undefined : "the confirmation was asked for by another writer";
  }

  use(token: string): void {
    this.#open.delete(token);
  }
}
