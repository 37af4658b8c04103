import type { OutgoingMessage, StateChange } from "../../store/state-store.ts";

/** A device's message on a topic that its mapping calls `durable`, before it is stored. */
export interface DurableEvent {
  readonly device: string;
  /** The tag's name, a wildcard's part filled in: `pos/transaction`, `shelf/7/stock`. */
  readonly tag: string;
  /** The MQTT topic that it came on. */
  readonly topic: string;
  /** When it came, in ms since the Unix epoch. */
  readonly timestamp: number;
  /** As it came. */
  readonly payload: Buffer;
  /** Its own identity, where the mapping says where that stands and the message has one: a string, or a number's digits. */
  readonly id?: string;
}

/** What a service has stored in the same transaction as the event. */
export interface DurableAddition {
  readonly changes: readonly StateChange[];
  readonly messages: readonly OutgoingMessage[];
}

/**
 * Called for each durable message that is taken, in their order and once for each identity, before its commit and before
 * its device gets the PUBACK. What it returns is stored with the event or not at all. It must be quick, must not wait, and
 * should not throw: what it throws is logged, and the event is stored without it.
 */
export type DurableListener = (event: DurableEvent) => DurableAddition | undefined;
