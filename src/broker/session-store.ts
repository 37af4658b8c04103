import type { Clock } from "../adapter-kit/clock.ts";
import type { BrokerCounters } from "./counters.ts";
import type { BrokerLimits } from "./limits.ts";
import { Session, type OutgoingPacket, type StoredSubscription } from "./session.ts";
import { TopicTree } from "./topic-tree.ts";

/** A session that gets a message, and at which QoS. */
export interface SessionMatch {
  readonly clientId: string;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

/** All sessions that outlive their connections, bounded in number, in messages, in bytes and in time. */
export class SessionStore {
  readonly #limits: BrokerLimits;
  readonly #counters: BrokerCounters;
  readonly #clock: Clock;
  readonly #sessions = new Map<string, Session>();
  readonly #tree = new TopicTree<SessionMatch>();
  readonly #matches = new Map<string, Map<string, SessionMatch>>();
  /** Since when each offline session is so, longest first; monotonic ms. */
  readonly #offlineSince = new Map<string, number>();

  constructor(limits: BrokerLimits, counters: BrokerCounters, clock: Clock) {
    this.#limits = limits;
    this.#counters = counters;
    this.#clock = clock;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  /** The session of a client that is connected now, made where there is none. */
  open(clientId: string, user: string): Session {
    this.#offlineSince.delete(clientId);
    let session = this.#sessions.get(clientId);
    if (session === undefined) {
      this.#expire();
      session = new Session(clientId, user);
      this.#sessions.set(clientId, session);
      this.#counters.sessions = this.#sessions.size;
    }
    return session;
  }

  /** The client is gone; its session waits for it. */
  leave(clientId: string): void {
    if (!this.#sessions.has(clientId)) return;
    this.#offlineSince.delete(clientId);
    this.#offlineSince.set(clientId, this.#clock.monotonic());
  }

  /** Forgets the session and all that waits in it. */
  end(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    this.unsubscribe(session, session.subscriptions.keys());
    this.#sessions.delete(clientId);
    this.#offlineSince.delete(clientId);
    this.#counters.queuedMessages -= session.queued;
    this.#counters.queuedBytes -= session.queuedBytes;
    this.#counters.sessions = this.#sessions.size;
  }

  subscribe(session: Session, subscriptions: readonly StoredSubscription[]): void {
    for (const { topic, qos } of subscriptions) {
      const known = session.subscriptions.has(topic);
      if (!known && session.subscriptions.size >= this.#limits.subscriptionsPerClient) continue;
      this.#forget(session.id, topic);
      session.subscriptions.set(topic, { topic, qos });
      // QoS 0 is never queued for a client that is away.
      if (qos > 0) this.#listen({ clientId: session.id, topic, qos });
    }
  }

  unsubscribe(session: Session, topics: Iterable<string>): void {
    for (const topic of topics) {
      this.#forget(session.id, topic);
      session.subscriptions.delete(topic);
    }
  }

  /** The sessions that get a message on this topic: each once, at its highest QoS. */
  matching(topic: string): SessionMatch[] {
    const found = this.#tree.match(topic);
    if (found.length < 2) return [...found];
    const best = new Map<string, SessionMatch>();
    for (const match of found) {
      const other = best.get(match.clientId);
      if (other === undefined || other.qos < match.qos) best.set(match.clientId, match);
    }
    return [...best.values()];
  }

  /** Keeps a message for a session until the client has it; what no longer fits is dropped oldest first, and counted. */
  enqueue(clientId: string, packet: OutgoingPacket): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined || this.#endIfExpired(clientId)) return;
    this.#change(session, () => session.enqueue(packet));
    const { queuedPerSession, queuedBytesPerSession, queuedTotal, queuedBytesTotal } = this.#limits;
    while (session.queued > queuedPerSession || session.queuedBytes > queuedBytesPerSession) {
      this.#dropOldest(session);
    }
    while (this.#counters.queuedMessages > queuedTotal || this.#counters.queuedBytes > queuedBytesTotal) {
      this.#dropOldest(this.#longestOffline() ?? session);
    }
  }

  /** The client has the message with this identifier: removes and returns it. */
  acknowledge(clientId: string, messageId: number): OutgoingPacket | undefined {
    const session = this.#sessions.get(clientId);
    return session === undefined ? undefined : this.#change(session, () => session.acknowledge(messageId));
  }

  /** See Session.release. */
  release(clientId: string, messageId: number): void {
    const session = this.#sessions.get(clientId);
    if (session !== undefined) this.#change(session, () => session.release(messageId));
  }

  #dropOldest(session: Session): void {
    this.#change(session, () => session.dropOldest());
    this.#counters.droppedOffline += 1;
  }

  /** Runs a change of the session's queue and keeps the totals true. */
  #change<T>(session: Session, change: () => T): T {
    const { queued, queuedBytes } = session;
    const result = change();
    this.#counters.queuedMessages += session.queued - queued;
    this.#counters.queuedBytes += session.queuedBytes - queuedBytes;
    return result;
  }

  #longestOffline(): Session | undefined {
    for (const clientId of this.#offlineSince.keys()) {
      const session = this.#sessions.get(clientId);
      if (session !== undefined && session.queued > 0) return session;
    }
    return undefined;
  }

  /** Makes room for one more session. */
  #expire(): void {
    for (const clientId of this.#offlineSince.keys()) {
      if (!this.#endIfExpired(clientId)) break;
    }
    while (this.#sessions.size >= this.#limits.sessions) {
      const longest = this.#offlineSince.keys().next();
      if (longest.done === true) return;
      this.end(longest.value);
    }
  }

  #endIfExpired(clientId: string): boolean {
    const since = this.#offlineSince.get(clientId);
    if (since === undefined || this.#clock.monotonic() - since < this.#limits.sessionExpiryMs) return false;
    this.end(clientId);
    return true;
  }

  #listen(match: SessionMatch): void {
    let matches = this.#matches.get(match.clientId);
    if (matches === undefined) {
      matches = new Map();
      this.#matches.set(match.clientId, matches);
    }
    matches.set(match.topic, match);
    this.#tree.add(match.topic, match);
  }

  #forget(clientId: string, topic: string): void {
    const matches = this.#matches.get(clientId);
    const match = matches?.get(topic);
    if (matches === undefined || match === undefined) return;
    this.#tree.remove(topic, match);
    matches.delete(topic);
    if (matches.size === 0) this.#matches.delete(clientId);
  }
}
