/** What waits for the bus. */
export interface Queued {
  /** 0: writes and reads that somebody waits for; 1: event tags; 2: all other polls. */
  readonly rank: 0 | 1 | 2;
  /** Monotonic ms by which it should be done. */
  readonly deadline: number;
}

/** Waiting jobs: the lower rank first, then the earlier deadline, then the one that came first. A binary heap. */
export class RequestQueue<T extends Queued> {
  readonly #heap: { readonly job: T; readonly number: number }[] = [];
  #pushed = 0;

  get size(): number {
    return this.#heap.length;
  }

  push(job: T): void {
    this.#pushed += 1;
    this.#heap.push({ job, number: this.#pushed });
    this.#rise(this.#heap.length - 1);
  }

  /** What `shift` would take. */
  peek(): T | undefined {
    return this.#heap[0]?.job;
  }

  shift(): T | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first.job;
  }

  /** False where it does not wait here any more. */
  remove(job: T): boolean {
    const at = this.#heap.findIndex((entry) => entry.job === job);
    const last = at < 0 ? undefined : this.#heap.pop();
    if (last === undefined) return false;
    if (at < this.#heap.length) {
      this.#heap[at] = last;
      this.#sink(at);
      this.#rise(at);
    }
    return true;
  }

  #isBefore(one: number, other: number): boolean {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return false;
    if (a.job.rank !== b.job.rank) return a.job.rank < b.job.rank;
    if (a.job.rank !== 0 && a.job.deadline !== b.job.deadline) return a.job.deadline < b.job.deadline;
    return a.number < b.number;
  }

  #swap(one: number, other: number): void {
    const a = this.#heap[one];
    const b = this.#heap[other];
    if (a === undefined || b === undefined) return;
    this.#heap[one] = b;
    this.#heap[other] = a;
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (this.#isBefore(child, least)) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
