import type { Metric } from "../../observability/exposition.ts";

/** What became of the messages that a ledger was to book. */
export type BookingOutcome = "booked" | "refused";

/** What the ledgers do, in figures. */
export class LedgerCounters {
  readonly #messages = new Map<string, { readonly ledger: string; outcome: BookingOutcome; count: number }>();
  /** Lines that were not booked, as a count came after what they tell, or something moved after the count. */
  readonly #passed = new Map<string, number>();

  told(ledger: string, outcome: BookingOutcome): void {
    const key = `${ledger} ${outcome}`;
    const counted = this.#messages.get(key) ?? { ledger, outcome, count: 0 };
    counted.count += 1;
    this.#messages.set(key, counted);
  }

  passed(ledger: string, lines: number): void {
    if (lines > 0) this.#passed.set(ledger, (this.#passed.get(ledger) ?? 0) + lines);
  }

  *metrics(articles: ReadonlyMap<string, number>): Generator<Metric> {
    yield {
      name: "linegate_ledger_articles",
      help: "Articles that a ledger has a balance of",
      type: "gauge",
      samples: [...articles].map(([ledger, count]) => [{ ledger }, count]),
    };
    yield {
      name: "linegate_ledger_messages_total",
      help: "Durable messages for a ledger, booked or refused",
      type: "counter",
      samples: [...this.#messages.values()].map(({ ledger, outcome, count }) => [{ ledger, outcome }, count]),
    };
    yield {
      name: "linegate_ledger_lines_passed_total",
      help: "Lines of booked messages that were too old to change a balance",
      type: "counter",
      samples: [...this.#passed].map(([ledger, count]) => [{ ledger }, count]),
    };
  }
}
