import type { Clock } from "../adapter-kit/clock.ts";
import { compileFilter } from "../domain/topic-filter.ts";
import type { BrokerCounters } from "./counters.ts";
import type { KeptSession } from "./journal-tables.ts";
import type { Journal } from "./journal.ts";
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
  readonly #journal: Journal;
  readonly #sessions = new Map<string, Session>();
  readonly #tree = new TopicTree<SessionMatch>();
  readonly #matches = new Map<string, Map<string, SessionMatch>>();
  /** Since when each offline session is so, longest first; monotonic ms. */
  readonly #offlineSince = new Map<string, number>();

  constructor(limits: BrokerLimits, counters: BrokerCounters, clock: Clock, journal: Journal) {
    this.#limits = limits;
    this.#counters = counters;
    this.#clock = clock;
    this.#journal = journal;
  }

  /** Takes over what a restart found. A session that was connected counts as left now. */
  restore(kept: readonly KeptSession[]): void {
    const monotonic = this.#clock.monotonic();
    const now = this.#clock.now();
    for (const { id, user, leftAt = now, subscriptions, outgoing, inbound } of kept) {
      const session = new Session(id, user);
      session.leftAt = leftAt;
      this.#sessions.set(id, session);
      this.#offlineSince.set(id, monotonic - Math.max(0, now - leftAt));
      for (const { topic, qos } of subscriptions) {
        session.subscriptions.set(topic, { topic, qos });
        if (qos > 0) this.#listen({ clientId: id, topic, qos });
      }
      for (const messageId of inbound) session.inbound.add(messageId);
      for (const packet of outgoing) this.#change(session, () => session.enqueue(packet));
    }
    this.#counters.sessions = this.#sessions.size;
    this.#expire();
    for (const { id } of kept) {
      const session = this.#sessions.get(id);
      if (session !== undefined) this.#bound(session);
    }
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  /** The session of a client that is connected now, made where there is none. */
  open(clientId: string, user: string): Session {
    const wasAway = this.#offlineSince.delete(clientId);
    let session = this.#sessions.get(clientId);
    if (session === undefined) {
      this.#expire();
      session = new Session(clientId, user);
      this.#sessions.set(clientId, session);
      this.#counters.sessions = this.#sessions.size;
      this.#note(session);
    } else if (wasAway) {
      session.leftAt = undefined;
      this.#note(session);
    }
    return session;
  }

  /** The client is gone; its session waits for it. */
  leave(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    this.#offlineSince.delete(clientId);
    this.#offlineSince.set(clientId, this.#clock.monotonic());
    session.leftAt = this.#clock.now();
    this.#note(session);
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
    this.#journal.end(clientId);
  }

  /** False where nothing changed. */
  subscribe(session: Session, subscriptions: readonly StoredSubscription[]): boolean {
    let changed = false;
    for (const { topic, qos } of subscriptions) {
      const known = session.subscriptions.get(topic);
      if (known?.qos === qos) continue;
      if (known === undefined && session.subscriptions.size >= this.#limits.subscriptionsPerClient) continue;
      changed = true;
      this.#forget(session.id, topic);
      session.subscriptions.set(topic, { topic, qos });
      // QoS 0 is never queued for a client that is away.
      if (qos > 0) this.#listen({ clientId: session.id, topic, qos });
    }
    if (changed) this.#note(session);
    return changed;
  }

  unsubscribe(session: Session, topics: Iterable<string>): void {
    for (const topic of topics) {
      this.#forget(session.id, topic);
      session.subscriptions.delete(topic);
    }
    this.#note(session);
  }

  /** Takes away what its user may not read any more, as after an edit of the users; what waits of it goes with it. */
  restrict(session: Session, mayRead: (filter: string) => boolean): void {
    const refused = [...session.subscriptions.keys()].filter((filter) => !mayRead(filter));
    if (refused.length === 0) return;
    this.unsubscribe(session, refused);
    const wanted = [...session.subscriptions.keys()].map(compileFilter);
    for (const { cmd, topic, brokerCounter } of session.outgoing()) {
      if (cmd === "pubrel" || wanted.some((matches) => matches(topic))) continue;
      this.#change(session, () => session.drop(brokerCounter));
      this.#journal.outgoing(session.id, brokerCounter, undefined);
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
    this.#journal.enqueue(clientId, packet);
    this.#bound(session);
  }

  /** The message now carries this identifier; false where it did before. */
  identify(clientId: string, brokerCounter: number, messageId: number): boolean {
    const packet = this.#sessions.get(clientId)?.identify(brokerCounter, messageId);
    if (packet === undefined) return false;
    this.#journal.outgoing(clientId, brokerCounter, packet);
    return true;
  }

  /** A QoS 2 message was taken from the client. */
  holdInbound(session: Session, messageId: number): void {
    session.inbound.add(messageId);
    this.#journal.inbound(session.id, messageId, true);
  }

  /** False where there is no such message. */
  releaseInbound(session: Session, messageId: number): boolean {
    if (!session.inbound.delete(messageId)) return false;
    this.#journal.inbound(session.id, messageId, false);
    return true;
  }

  #bound(session: Session): void {
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
    const packet = session && this.#change(session, () => session.acknowledge(messageId));
    if (packet !== undefined) this.#journal.outgoing(clientId, packet.brokerCounter, undefined);
    return packet;
  }

  /** See Session.release. False where there is nothing to release. */
  release(clientId: string, messageId: number): boolean {
    const session = this.#sessions.get(clientId);
    const pubrel = session && this.#change(session, () => session.release(messageId));
    if (pubrel !== undefined) this.#journal.outgoing(clientId, pubrel.brokerCounter, pubrel);
    return pubrel !== undefined;
  }

  #dropOldest(session: Session): void {
    const packet = this.#change(session, () => session.dropOldest());
    if (packet !== undefined) this.#journal.outgoing(session.id, packet.brokerCounter, undefined);
    this.#counters.droppedOffline += 1;
  }

  #note({ id, user, leftAt, subscriptions }: Session): void {
    this.#journal.session({ id, user, leftAt, subscriptions: [...subscriptions.values()] });
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
