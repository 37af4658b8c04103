/**
 * A result that is there already, for where aedes asks its persistence for a promise on the way of each message. aedes
 * numbers a message before it asks, and drops a message whose number is lower than one it delivered before as a
 * duplicate; real promises would let a later QoS 0 message overtake a QoS 1 one, which is then lost.
 */
export class Settled<T> implements PromiseLike<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- being one is all it is for
  then<R = T, E = never>(
    onValue?: ((value: T) => R | PromiseLike<R>) | null,
    _onError?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): PromiseLike<R | E> {
    const result = onValue?.(this.#value);
    return new Settled(result as R | E);
  }
}
