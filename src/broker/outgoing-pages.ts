/** Small chunks are copied together into pages of this many bytes. */
const pageBytes = 16_384;

/**
 * Bytes that wait for a client that takes none. A stream's own queue holds several objects for each packet, which cost
 * many times the packet's bytes; here what waits costs what it weighs, so that a bound in bytes is one in memory.
 */
export class OutgoingPages {
  #pages: Buffer[] = [];
  #open: Buffer | undefined;
  #used = 0;
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Objects kept for these bytes. */
  get pages(): number {
    return this.#pages.length + (this.#open === undefined ? 0 : 1);
  }

  append(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (chunk.length >= pageBytes) {
      this.#seal();
      // Large payloads are shared with the other clients that wait for them.
      this.#pages.push(chunk);
      return;
    }
    let from = 0;
    while (from < chunk.length) {
      this.#open ??= Buffer.allocUnsafeSlow(pageBytes);
      const copied = chunk.copy(this.#open, this.#used, from);
      from += copied;
      this.#used += copied;
      if (this.#used === pageBytes) this.#seal();
    }
  }

  /** Removes and returns the oldest bytes. */
  take(): Buffer | undefined {
    if (this.#pages.length === 0) this.#seal();
    const page = this.#pages.shift();
    this.#bytes -= page?.length ?? 0;
    return page;
  }

  clear(): void {
    this.#pages = [];
    this.#open = undefined;
    this.#used = 0;
    this.#bytes = 0;
  }

  #seal(): void {
    if (this.#open !== undefined) this.#pages.push(this.#open.subarray(0, this.#used));
    this.#open = undefined;
    this.#used = 0;
  }
}
