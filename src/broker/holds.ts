/** True: the message may be acknowledged. False: its sender is to keep it. */
export type Until = Promise<boolean>;

/** What the answers to messages wait for, by message. */
export class Holds {
  readonly #waiting = new WeakMap<object, Until[]>();

  /** The message is answered after this, too. */
  add(message: object, until: Until): void {
    const waiting = this.#waiting.get(message);
    if (waiting === undefined) this.#waiting.set(message, [until]);
    else waiting.push(until);
  }

  /** Undefined where nothing holds the message's answer. */
  of(message: object): Until | undefined {
    const waiting = this.#waiting.get(message);
    if (waiting === undefined || waiting.length < 2) return waiting?.[0];
    return Promise.all(waiting).then((all) => all.every(Boolean));
  }
}
