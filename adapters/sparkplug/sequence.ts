/** Sequence numbers run from 0 to 255 and begin again (Sparkplug 3.0 §6.4.5). */
const numbers = 256;
/** More messages than this do not wait for one that is missing: it is lost. */
const mostHeld = 64;

/** Puts the messages of an edge node into the order of their sequence numbers; those that came too early wait. */
export class SequenceGate<Message> {
  readonly #held = new Map<number, Message>();
  #expected: number | undefined;

  /** Begins anew behind a birth with this number. */
  begin(seq: number): void {
    this.#expected = (seq + 1) % numbers;
    this.#held.clear();
  }

  /** True where messages wait for one that is missing. */
  get waiting(): boolean {
    return this.#held.size > 0;
  }

  /** True where so many wait that the missing one is lost. */
  get full(): boolean {
    return this.#held.size >= mostHeld;
  }

  /** True for one that came already, or was given up: what it says is older than what was taken since. */
  isBehind(seq: number): boolean {
    return this.#expected !== undefined && distance(this.#expected, seq) >= numbers / 2;
  }

  /** The messages that are now in order: none, this one, or this one and those that waited for it. */
  take(seq: number, message: Message): Message[] {
    if (this.#expected === undefined || this.isBehind(seq) || this.#held.has(seq % numbers)) return [];
    this.#held.set(seq % numbers, message);
    const inOrder: Message[] = [];
    for (let next = this.#held.get(this.#expected); next !== undefined;) {
      inOrder.push(next);
      this.#held.delete(this.#expected);
      this.#expected = (this.#expected + 1) % numbers;
      next = this.#held.get(this.#expected);
    }
    return inOrder;
  }

  /** Waits no longer for what is missing: all that waited, in order. */
  giveUp(): Message[] {
    const expected = this.#expected ?? 0;
    const held = [...this.#held].sort(
      ([one], [other]) => distance(expected, one) - distance(expected, other),
    );
    const last = held.at(-1);
    if (last !== undefined) this.begin(last[0]);
    return held.map(([, message]) => message);
  }
}

/** How far ahead a number is; from half the numbers on it is behind. */
function distance(from: number, to: number): number {
  return (((to - from) % numbers) + numbers) % numbers;
}
