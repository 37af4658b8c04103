import type { BrokerMessage, Bus, Clock, LocalBroker } from "../../src/adapter-kit/index.ts";
import { stateTopic } from "./topic.ts";

/** Tells edge nodes that wait for their primary host whether it is there. Sparkplug 3.0 §5.5, §6.4.27. */
export class HostState implements Bus {
  readonly #topic: string;
  readonly #broker: LocalBroker;
  readonly #clock: Clock;
  #stop: (() => void) | undefined;
  #since = 0;

  constructor(hostId: string, broker: LocalBroker, clock: Clock) {
    this.#topic = stateTopic(hostId);
    this.#broker = broker;
    this.#clock = clock;
  }

  /** Says that the host is online, once however many devices ask. */
  announce(): void {
    if (this.#stop !== undefined) return;
    this.#since = this.#clock.now();
    this.#say(true);
    this.#stop = this.#broker.subscribe(this.#topic, (message) => this.#take(message));
  }

  /** The host has no will of its own here, inside the broker: it says itself that it goes. */
  async close(): Promise<void> {
    if (this.#stop === undefined) return;
    this.#stop();
    this.#stop = undefined;
    this.#say(false);
  }

  /** Whoever else says that this host is offline is put right (§5.5), by what is newer: nodes take nothing older. */
  #take({ clientId, payload }: BrokerMessage): void {
    const offlineAt = clientId === undefined ? undefined : offlineSince(payload);
    if (offlineAt === undefined) return;
    this.#since = Math.max(this.#clock.now(), offlineAt + 1);
    this.#say(true);
  }

  #say(online: boolean): void {
    const state = JSON.stringify({ online, timestamp: this.#since });
    this.#broker.publish(this.#topic, state, { retain: true, qos: 1 });
  }
}

/** When a payload says that the host went, in Unix ms, 0 where it does not say when; undefined where it says something else. */
function offlineSince(payload: Buffer): number | undefined {
  if (payload.length > 1_024) return undefined;
  try {
    const state = JSON.parse(payload.toString()) as { online?: unknown; timestamp?: unknown } | null;
    if (state?.online !== false) return undefined;
    return Number.isSafeInteger(state.timestamp) ? Number(state.timestamp) : 0;
  } catch {
    return undefined;
  }
}
