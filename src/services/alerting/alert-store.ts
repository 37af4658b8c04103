import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import { toGatewayError } from "../../domain/errors.ts";
import type { OutgoingMessage, StateChange, StateStore } from "../../store/state-store.ts";

/** What is in the store of the alerts: a key an alert, and beside them what no alert can be called. */
const alertsScope = "alerts";
export const floodKey = "~flood";
export const removedKey = "~removed";

/** True for an alert's. */
export function isAlertKey(key: string): boolean {
  return !key.startsWith("~");
}

export interface AlertStoreOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Log;
  /** The alert, or what else a key stands for, as it is to be stored; undefined: it is gone. */
  readonly encode: (key: string) => string | undefined;
}

/** Brings the alerts to the store: with their events at once, else a little later, as flash wears out. */
export class AlertStore {
  readonly #options: AlertStoreOptions;
  readonly #unstored = new Set<string>();
  /** The waits under way until something is stored, in ms. */
  readonly #waits = new Set<number>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: AlertStoreOptions) {
    this.#options = options;
  }

  read(): ReadonlyMap<string, string> {
    return this.#options.store.read(alertsScope);
  }

  /** Stores these, or that they are gone, and the messages in one transaction; then does `next`. */
  now(
    keys: readonly string[],
    messages: readonly OutgoingMessage[],
    next: () => void = () => {},
  ): Promise<void> {
    for (const key of keys) this.#unstored.delete(key);
    const changes = this.#changes(keys);
    const keep = async () => {
      await this.#options.store.change(changes, messages);
      next();
    };
    return this.#track(keep());
  }

  soon(key: string, withinMs: number): void {
    this.#unstored.add(key);
    if (this.#waits.has(withinMs)) return;
    this.#waits.add(withinMs);
    const pause = this.#options.clock.sleep(withinMs, this.#stopping.signal).catch(() => undefined);
    void this.#track(
      pause.then(() => {
        this.#waits.delete(withinMs);
        this.#note();
      }),
    );
  }

  /** Hands all over that the store does not have yet; nobody waits for it. */
  #note(): void {
    const changes = this.#changes([...this.#unstored]);
    this.#unstored.clear();
    if (changes.length > 0) this.#options.store.note(changes);
  }

  #changes(keys: readonly string[]): readonly StateChange[] {
    return keys.map((key) => ({ scope: alertsScope, key, value: this.#options.encode(key) ?? null }));
  }

  /** Resolves when all is stored and done. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#note();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** Waited for by the stop. A failure in it is told, and the alerts go on. */
  #track(work: Promise<void>): Promise<void> {
    const told = work
      .catch((caught: unknown) => {
        const error = toGatewayError(caught);
        this.#options.log.error({ error }, "alerting failed on a decision; the alerts go on");
      })
      .finally(() => this.#underWay.delete(told));
    this.#underWay.add(told);
    return told;
  }
}
