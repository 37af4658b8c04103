/** So many tokens a second, with one second's worth in store. Times are monotonic ms. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, at: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#at = at;
  }

  /** Takes one token; false where there is none. */
  take(at: number): boolean {
    const gained = ((at - this.#at) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + gained);
    this.#at = at;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
