import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { LedgerSource, LedgersConfig } from "../../config/ledger.ts";
import { GatewayError } from "../../domain/errors.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { StateStore, Stored } from "../../store/state-store.ts";
import type { DurableAddition, DurableEvent } from "../live/durable-event.ts";
import { breathing } from "../upload/breath.ts";
import { Ledger, ledgerScope, type Balance, type Booking, type LedgerMessage } from "./ledger.ts";
import { LedgerCounters } from "./ledger-counters.ts";
import { toUnits } from "./quantity.ts";

/** Where balances are shown. Nothing here throws or waits. */
export interface LedgerOutput {
  /** A ledger is there. */
  begin(ledger: string): void;
  balance(balance: Balance): void;
  /** These articles are gone. */
  forget(ledger: string, articles: readonly string[]): void;
  /** The ledger is gone. */
  end(ledger: string): void;
  /** Something that somebody must see to; its place in the outbox is seen to already. */
  event(path: TagPath, json: string): void;
}

export interface LedgerOptions {
  readonly site: string;
  readonly store: StateStore;
  readonly output: LedgerOutput;
  readonly clock: Clock;
  readonly log: Log;
}

/** An event of a ledger's. */
interface Note {
  readonly path: TagPath;
  readonly json: string;
}

/** What a message did to one ledger. */
interface Entry {
  readonly ledger: Ledger;
  readonly balances: readonly Balance[];
  readonly notes: readonly Note[];
}

/** More balances than this are shown with pauses. */
const fewBalances = 100;

/** Keeps the balances: books durable messages in the transaction that stores them, and shows what came of it. */
export class LedgerService {
  readonly #options: LedgerOptions;
  readonly #counters = new LedgerCounters();
  readonly #ledgers = new Map<string, Ledger>();
  readonly #breathe: ReturnType<typeof breathing>;
  /** Ledgers and tags whose last message could not be booked: the log has it once. */
  readonly #told = new Set<string>();
  #config: LedgersConfig;
  /** Entries are shown one after the other. */
  #shown: Promise<void> = Promise.resolve();

  constructor(config: LedgersConfig, options: LedgerOptions) {
    this.#config = config;
    this.#options = options;
    this.#breathe = breathing(options.clock);
  }

  /** Goes on with what the store holds, and shows every balance. */
  start(): void {
    const stored = this.#options.store.read(ledgerScope);
    for (const config of this.#config.ledgers) this.#begin(new Ledger(config), stored);
    this.#doubt(stored);
  }

  /**
   * Books a message that is about to be stored, once. Shown is what came of it when all is stored: to be called in the turn
   * in which the message goes to the store.
   */
  book({ device, tag, id, payload }: DurableEvent): DurableAddition | undefined {
    const name = `${device}/${tag}`;
    const taking = [...this.#ledgers.values()].flatMap((ledger) => {
      const source = ledger.sourceOf(name);
      return source === undefined ? [] : [{ ledger, source }];
    });
    if (taking.length === 0) return undefined;
    const message = { tag: name, id, document: parsed(payload) };
    const entries = taking.map(({ ledger, source }) => this.#bookIn(ledger, source, message));
    this.#whenStored(this.#options.store.change([]), entries);
    return {
      changes: entries.flatMap(({ ledger, balances }) =>
        balances.map(({ article }) => ledger.change(article)),
      ),
      messages: entries.flatMap(({ notes }) =>
        notes.map(({ path, json }) => ({ stream: "EVENTS", subject: path.subject, payload: json }) as const),
      ),
    };
  }

  /** Every balance, or those of one ledger. */
  list(name?: string): readonly Balance[] {
    const ledgers = name === undefined ? [...this.#ledgers.values()] : [this.#ledger(name)];
    return ledgers.flatMap((ledger) =>
      [...ledger.articles].sort().flatMap((article) => ledger.show(article) ?? []),
    );
  }

  /** What somebody has counted. Resolves when it is stored; throws WRITE_REFUSED. */
  async correct(
    name: string,
    article: string,
    given: unknown,
  ): Promise<Balance & { readonly was: number | null }> {
    const ledger = this.#ledger(name);
    const { decimals } = ledger.config;
    const units = toUnits(given, decimals);
    if (units === undefined)
      throw new GatewayError("WRITE_REFUSED", `${name} takes numbers with at most ${decimals} decimals.`);
    const was = ledger.show(article)?.balance ?? null;
    const { clock, store } = this.#options;
    const balance = ledger.set(article, units, clock.now());
    if ("refused" in balance) throw new GatewayError("WRITE_REFUSED", `Not booked: ${balance.refused}.`);
    const stored = store.change([ledger.change(article)]);
    this.#whenStored(stored, [{ ledger, balances: [balance], notes: [] }]);
    await stored;
    await this.#shown;
    return { ...balance, was };
  }

  /** Takes an article out. Resolves when that is stored; throws WRITE_REFUSED. */
  async remove(name: string, article: string): Promise<Balance> {
    const ledger = this.#ledger(name);
    const balance = ledger.show(article);
    if (balance === undefined) throw new GatewayError("WRITE_REFUSED", `${name} has no article ${article}.`);
    ledger.remove(article);
    await this.#options.store.change([ledger.change(article)]);
    await this.#shown;
    this.#options.output.forget(name, [article]);
    return balance;
  }

  /** An edited ledger.yaml. Balances of a ledger that is taken out stay in the store, and are doubted when it comes back. */
  apply(config: LedgersConfig): void {
    if (isDeepStrictEqual(config, this.#config)) return;
    const { store, output, log } = this.#options;
    this.#config = config;
    const wanted = new Set(config.ledgers.map(({ name }) => name));
    for (const name of [...this.#ledgers.keys()].filter((known) => !wanted.has(known))) {
      output.forget(name, [...this.#ledger(name).articles]);
      output.end(name);
      this.#ledgers.delete(name);
    }
    const stored = store.read(ledgerScope);
    for (const one of config.ledgers) {
      const before = this.#ledgers.get(one.name);
      if (isDeepStrictEqual(before?.config, one)) continue;
      this.#begin(new Ledger(one), stored);
    }
    this.#doubt(stored);
    log.info({ ledgers: config.ledgers.length }, "the edited ledger.yaml is in force");
  }

  /** Resolves when all that was booked is stored and shown. */
  async stop(): Promise<void> {
    await this.#shown;
  }

  metrics(): Iterable<Metric> {
    return this.#counters.metrics(new Map([...this.#ledgers].map(([name, { size }]) => [name, size])));
  }

  #ledger(name: string): Ledger {
    const ledger = this.#ledgers.get(name);
    if (ledger !== undefined) return ledger;
    throw new GatewayError("WRITE_REFUSED", `There is no ledger ${JSON.stringify(name)}.`);
  }

  #begin(ledger: Ledger, stored: ReadonlyMap<string, string>): void {
    const { output, log } = this.#options;
    const { name } = ledger.config;
    const unreadable = ledger.load(stored);
    if (unreadable.length > 0)
      log.error(
        { ledger: name, articles: unreadable.slice(0, 10), count: unreadable.length },
        "stored balances can't be read, or are finer than `decimals` allows; these articles begin anew",
      );
    this.#ledgers.set(name, ledger);
    output.begin(name);
    for (const article of ledger.articles) this.#show(ledger, ledger.show(article));
  }

  /** What happens while nobody books is not in the balances of a ledger that is not there. */
  #doubt(stored: ReadonlyMap<string, string>): void {
    const names = new Set([...stored.keys()].map((key) => key.slice(0, key.indexOf("/"))));
    const absent = [...names].filter((name) => !this.#ledgers.has(name));
    if (absent.length === 0) return;
    const changes = absent.flatMap((name) => {
      const ledger = new Ledger({ name, decimals: 6, articles: Infinity, sources: [] });
      ledger.load(stored);
      const counted = [...ledger.articles].filter((article) => ledger.show(article)?.countedAt !== null);
      ledger.doubt();
      return counted.map((article) => ledger.change(article));
    });
    if (changes.length > 0) void this.#options.store.change(changes);
  }

  #bookIn(ledger: Ledger, source: LedgerSource, message: LedgerMessage): Entry {
    const { name } = ledger.config;
    const booking = ledger.book(source, message, this.#options.clock.now());
    this.#counters.told(name, booking.outcome);
    const notes = this.#notes(ledger, message, booking);
    if (booking.outcome === "refused") return { ledger, balances: [], notes };
    const { articles, before, outdated } = booking;
    this.#counters.passed(name, before.length + outdated.length);
    return { ledger, balances: articles.flatMap((article) => ledger.show(article) ?? []), notes };
  }

  /** What somebody must see to. */
  #notes({ config: { name } }: Ledger, { tag, id }: LedgerMessage, booking: Booking): readonly Note[] {
    const { site, clock, log } = this.#options;
    const note = (event: string, data: object) => {
      const isNew = !this.#told.has(`${name} ${tag}`);
      this.#told.add(`${name} ${tag}`);
      if (isNew)
        log.warn(
          { ledger: name, tag, id, event, ...data },
          "a message could not be booked as it is; each is told as an event, the next ones not here",
        );
      const json = JSON.stringify({ timestamp: clock.now(), data: { tag, id: id ?? null, ...data } });
      return { path: new TagPath("event", site, name, event), json };
    };
    if (booking.outcome === "refused") {
      const { why, line } = booking;
      return [note("refused", { why, ...(line === undefined ? {} : { line }) })];
    }
    if (booking.outdated.length === 0) this.#told.delete(`${name} ${tag}`);
    return booking.outdated.length > 0 ? [note("count-outdated", { articles: booking.outdated })] : [];
  }

  /** Shows entries in their turn when they are stored; live readings pass between the balances of a large stocktaking. */
  #whenStored(stored: Promise<Stored>, entries: readonly Entry[]): void {
    const before = this.#shown;
    const show = async () => {
      await stored;
      await before;
      for (const { ledger, balances, notes } of entries) {
        for (const balance of balances) {
          const pause = balances.length > fewBalances ? this.#breathe() : undefined;
          if (pause !== undefined) await pause;
          this.#show(ledger, balance);
        }
        for (const { path, json } of notes) this.#options.output.event(path, json);
      }
    };
    this.#shown = show();
  }

  /** What is gone meanwhile is not shown. */
  #show(ledger: Ledger, balance: Balance | undefined): void {
    if (balance === undefined || this.#ledgers.get(balance.ledger) !== ledger) return;
    if (ledger.show(balance.article) !== undefined) this.#options.output.balance(balance);
  }
}

/** Undefined for what is no JSON. */
function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString());
  } catch {
    return undefined;
  }
}
