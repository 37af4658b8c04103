/** The number of the last reading of one tag; shared by reference, so that the hot path looks nothing up. */
export interface Sequence {
  last: number;
}

/**
 * The sequences of every tag since the gateway's start. They belong to the gateway, not to a device's connection, so
 * that they go on when an edited mapping restarts the device.
 */
export class Sequences {
  readonly #byTopic = new Map<string, Sequence>();

  of(topic: string): Sequence {
    let sequence = this.#byTopic.get(topic);
    if (sequence === undefined) {
      sequence = { last: 0 };
      this.#byTopic.set(topic, sequence);
    }
    return sequence;
  }
}
