/** A message as the hub's stream has it. */
export interface Arrived {
  /** Its Nats-Msg-Id. */
  readonly id: string;
  readonly stream: "EVENTS" | "BATCHES";
  /** Its number in the gateway's outbox. */
  readonly number: number;
  /** The file's epoch and the gateway's run, in which numbers grow. */
  readonly run: string;
  /** Marks that devices and rows carry, each of which may arrive once: `n 17`. */
  readonly marks: readonly string[];
}

/** What is wrong; all empty where nothing is. */
export interface Verdict {
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly outOfOrder: readonly string[];
}

/** Keeps what must be at the hub, and what is. It knows nothing of `linegate verify`, which judges the same stream. */
export class Ledger {
  /** Said by somebody else than the hub: seen on the local server, or acknowledged to a device. */
  readonly #expected = new Set<string>();
  readonly #arrived = new Map<string, number>();
  readonly #marks = new Map<string, number>();
  readonly #numbers = new Set<number>();
  /** By stream and run: the highest number so far. */
  readonly #highest = new Map<string, number>();
  readonly #outOfOrder: string[] = [];

  expect(id: string): void {
    this.#expected.add(id);
  }

  arrive(message: Arrived): void {
    count(this.#arrived, message.id);
    for (const mark of message.marks) count(this.#marks, mark);
    this.#numbers.add(message.number);
    const sequence = `${message.stream} ${message.run}`;
    const highest = this.#highest.get(sequence) ?? 0;
    if (message.number < highest) this.#outOfOrder.push(`${message.id} after number ${highest}`);
    this.#highest.set(sequence, Math.max(highest, message.number));
  }

  get arrived(): number {
    return this.#arrived.size;
  }

  /** @param last the highest number that the gateway's store has ever given */
  judge(last: number): Verdict {
    const missing = Array.from({ length: last }, (_, index) => index + 1).filter(
      (number) => !this.#numbers.has(number),
    );
    return {
      lost: [
        ...missing.map((number) => `number ${number}`),
        ...[...this.#expected].filter((id) => !this.#arrived.has(id) && !this.#marks.has(id)),
      ],
      twice: [...this.#arrived, ...this.#marks].filter(([, times]) => times > 1).map(([id]) => id),
      outOfOrder: this.#outOfOrder,
    };
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
