/** Names of alerts that are gone are kept up to so many, the newest. */
const mostKept = 1_000;

/** The last number of each alert that is gone: one that comes again goes on from there, and nobody takes its events for old ones. */
export class RemovedAlerts {
  readonly #sequences = new Map<string, number>();

  /** What the store holds; what can't be read is left. */
  goOn(json: string | undefined): void {
    try {
      const stored = JSON.parse(json ?? "[]") as readonly (readonly [name: string, sequence: number])[];
      for (const [name, sequence] of stored) this.set(name, sequence);
    } catch {
      this.#sequences.clear();
    }
  }

  /** 0: there was no such alert. */
  sequenceOf(name: string): number {
    return this.#sequences.get(name) ?? 0;
  }

  set(name: string, sequence: number): void {
    this.#sequences.delete(name);
    this.#sequences.set(name, sequence);
    const [oldest] = this.#sequences.keys();
    if (this.#sequences.size > mostKept && oldest !== undefined) this.#sequences.delete(oldest);
  }

  /** As the store holds it. */
  encode(): string {
    return JSON.stringify([...this.#sequences]);
  }
}
