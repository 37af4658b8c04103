const perPage = 8_192;

/** From and to, both inclusive. */
export type Range = readonly [from: number, to: number];

/** A set of whole numbers that costs a bit each where they are dense: millions of batches fit into memory. */
export class NumberSet {
  readonly #pages = new Map<number, Uint8Array>();
  #size = 0;
  #least = Infinity;
  #most = -Infinity;

  get size(): number {
    return this.#size;
  }

  /** Infinity while it is empty. */
  get least(): number {
    return this.#least;
  }

  /** -Infinity while it is empty. */
  get most(): number {
    return this.#most;
  }

  /** False where the number was there already. Takes whole numbers from 0 on. */
  add(number: number): boolean {
    const index = Math.floor(number / perPage);
    let page = this.#pages.get(index);
    if (page === undefined) this.#pages.set(index, (page = new Uint8Array(perPage / 8)));
    const [at, bit] = bitOf(number);
    const byte = page[at] ?? 0;
    if ((byte & bit) !== 0) return false;
    page[at] = byte | bit;
    this.#size += 1;
    this.#least = Math.min(this.#least, number);
    this.#most = Math.max(this.#most, number);
    return true;
  }

  has(number: number): boolean {
    const [at, bit] = bitOf(number);
    return ((this.#pages.get(Math.floor(number / perPage))?.[at] ?? 0) & bit) !== 0;
  }

  /** What is missing from `from` to `to`, in order. */
  *gaps(from: number, to: number): Generator<Range> {
    let start: number | undefined;
    for (let number = from; number <= to; number += 1) {
      const index = Math.floor(number / perPage);
      if (!this.#pages.has(index)) {
        // A number far off must not cost a step for each one before it.
        start ??= number;
        number = this.#nextPage(index) * perPage - 1;
      } else if (!this.has(number)) start ??= number;
      else if (start !== undefined) {
        yield [start, number - 1];
        start = undefined;
      }
    }
    if (start !== undefined && start <= to) yield [start, to];
  }

  /** What is there from `from` to `to`, in order. */
  *within(from: number, to: number): Generator<number> {
    for (let number = from; number <= to; number += 1) {
      const index = Math.floor(number / perPage);
      if (!this.#pages.has(index)) number = this.#nextPage(index) * perPage - 1;
      else if (this.has(number)) yield number;
    }
  }

  #nextPage(after: number): number {
    let next = Infinity;
    for (const index of this.#pages.keys()) if (index > after && index < next) next = index;
    return next;
  }
}

function bitOf(number: number): [at: number, bit: number] {
  const within = number % perPage;
  return [within >> 3, 1 << (within & 7)];
}
