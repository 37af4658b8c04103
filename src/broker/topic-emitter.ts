import type { AedesPublishPacket } from "aedes";
import { GatewayError } from "../domain/errors.ts";
import type { Holds, Until } from "./holds.ts";
import { TopicTree } from "./topic-tree.ts";

type Done = (error?: Error | null) => void;
type Notify = (packet: AedesPublishPacket, done: () => void) => void;

function nothing(): void {}

/**
 * Hands each message to whoever subscribed: aedes's `mq`. Unlike mqemitter it does not wait for the subscribers, so that
 * one whose socket is stuck holds up neither the others nor the publisher, and nothing queues in between; and it
 * survives a subscriber that throws. What it waits for is what holds the message's answer back.
 */
export class TopicEmitter {
  readonly #tree = new TopicTree<Notify>();
  readonly #onError: (caught: unknown, topic: string) => void;
  readonly #holds: Holds;
  #closed = false;

  constructor(holds: Holds, onError: (caught: unknown, topic: string) => void) {
    this.#holds = holds;
    this.#onError = onError;
  }

  on(filter: string, notify: Notify, done: Done = nothing): this {
    this.#tree.add(filter, notify);
    done();
    return this;
  }

  removeListener(filter: string, notify: Notify, done: Done = nothing): this {
    this.#tree.remove(filter, notify);
    done();
    return this;
  }

  /** True where somebody would get a message on the topic now. */
  isHeard(topic: string): boolean {
    return this.#tree.match(topic).length > 0;
  }

  emit(packet: AedesPublishPacket, done: Done = nothing): void {
    if (this.#closed) {
      done();
      return;
    }
    for (const notify of this.#tree.match(packet.topic)) {
      try {
        notify(packet, nothing);
      } catch (caught) {
        this.#onError(caught, packet.topic);
      }
    }
    const until = packet.qos === 0 ? undefined : this.#holds.of(packet);
    if (until === undefined) done();
    else void this.#answerAfter(until, done);
  }

  async #answerAfter(until: Until, done: Done): Promise<void> {
    done((await until) ? null : notStored());
  }

  close(done: Done = nothing): void {
    this.#closed = true;
    done();
  }
}

function notStored(): GatewayError {
  const context = { reason: "disk" };
  return new GatewayError("STORE_FULL", "A durable message can't be stored.", { context });
}
