import type { AedesPublishPacket, Client, PubrelPacket, Subscription } from "aedes";
import { Readable } from "node:stream";
import { GatewayError } from "../domain/errors.ts";
import { connectionOf } from "./connection.ts";
import type { Holds } from "./holds.ts";
import type { Journal } from "./journal.ts";
import type { BrokerLimits } from "./limits.ts";
import { compact, type RetainedStore } from "./retained-store.ts";
import type { SessionMatch, SessionStore } from "./session-store.ts";
import { Settled } from "./settled.ts";

/** What aedes puts on its own way of a message. */
type NumberedPacket = AedesPublishPacket & {
  readonly brokerId?: string;
  readonly brokerCounter: number;
  /** The client that waits for its answer; absent for QoS 0 and the gateway's own. */
  readonly clientId?: string;
};

export interface PersistenceParts {
  readonly retained: RetainedStore;
  readonly sessions: SessionStore;
  readonly limits: BrokerLimits;
  readonly journal: Journal;
  readonly holds: Holds;
  /** Whether the client may have this subscription. aedes hands over all of a packet, the refused ones too. */
  readonly maySubscribe: (client: Client, filter: string) => boolean;
}

/**
 * What aedes asks of its persistence, on top of the bounded stores. On the way of each message the answers are there at
 * once (see Settled), and what the message's own answer waits for goes to the holds; elsewhere they are promises. The wills stay with their connections: there is one broker only.
 */
export class Persistence {
  readonly #parts: PersistenceParts;
  /** Identifiers of QoS 2 messages not released yet, of clients without a session. */
  readonly #inbound = new Map<string, Set<number>>();

  constructor(parts: PersistenceParts) {
    this.#parts = parts;
  }

  // aedes looks whether this is an `async` function.
  async setup(): Promise<void> {}

  storeRetained(packet: NumberedPacket): PromiseLike<void> {
    const { retained, journal, holds } = this.#parts;
    if (retained.store(packet, packet.clientId !== undefined && packet.qos > 0))
      holds.add(packet, journal.committed());
    return new Settled(undefined);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const { retained } = this.#parts;
    return Readable.from(
      (function* matching() {
        for (const filter of filters) yield* retained.matching(filter);
      })(),
    );
  }

  addSubscriptions(client: Client, subscriptions: readonly Subscription[]): PromiseLike<void> {
    const { sessions, maySubscribe } = this.#parts;
    const session = sessions.open(client.id, connectionOf(client).user);
    const allowed = subscriptions.filter(({ topic }) => maySubscribe(client, topic));
    return sessions.subscribe(session, allowed) ? this.#committed() : new Settled(undefined);
  }

  removeSubscriptions(client: Client, topics: readonly string[]): PromiseLike<void> {
    const session = this.#parts.sessions.get(client.id);
    if (session === undefined) return new Settled(undefined);
    this.#parts.sessions.unsubscribe(session, topics);
    return this.#committed();
  }

  async subscriptionsByClient({ id }: Pick<Client, "id">): Promise<Subscription[]> {
    const session = this.#parts.sessions.get(id);
    return session === undefined ? [] : [...session.subscriptions.values()];
  }

  /** A clean session ends what was kept under the client's id before. MQTT 3.1.1 §3.1.2.4. */
  async cleanSubscriptions(client: Client): Promise<void> {
    this.#parts.sessions.end(client.id);
  }

  subscriptionsByTopic(topic: string): PromiseLike<SessionMatch[]> {
    return new Settled(this.#parts.sessions.matching(topic));
  }

  outgoingEnqueue(match: Pick<SessionMatch, "clientId">, packet: NumberedPacket): PromiseLike<void> {
    return this.outgoingEnqueueCombi(
      [{ clientId: match.clientId, topic: packet.topic, qos: packet.qos }],
      packet,
    );
  }

  outgoingEnqueueCombi(matches: readonly SessionMatch[], packet: NumberedPacket): PromiseLike<void> {
    if (matches.length > 0) {
      const { brokerId, brokerCounter, topic, clientId: publisher } = packet;
      const payload = compact(packet.payload);
      for (const { clientId, qos } of matches) {
        this.#parts.sessions.enqueue(clientId, {
          cmd: "publish",
          brokerId,
          brokerCounter,
          topic,
          payload,
          // MQTT 3.1.1 §3.8.4: the lower of the two; §3.3.1.3: no RETAIN for a subscription that stands.
          qos: qos < packet.qos ? qos : packet.qos,
          retain: false,
          dup: false,
        });
      }
      const { journal, holds } = this.#parts;
      if (publisher !== undefined) holds.add(packet, journal.committed());
    }
    return new Settled(undefined);
  }

  outgoingUpdate(
    client: Client,
    packet: (NumberedPacket | PubrelPacket) & { readonly messageId?: number },
  ): PromiseLike<void> {
    const { sessions } = this.#parts;
    if (packet.messageId === undefined) return new Settled(undefined);
    if (!("brokerCounter" in packet)) {
      // Sent again as a PUBLISH after its PUBREL, it would be another message to the client (MQTT 3.1.1 §4.3.3).
      return sessions.release(client.id, packet.messageId) ? this.#committed() : new Settled(undefined);
    }
    const isNew = sessions.identify(client.id, packet.brokerCounter, packet.messageId);
    // With another identifier after a restart, a QoS 2 message would come twice; at QoS 1 it may.
    return isNew && packet.qos === 2 ? this.#committed() : new Settled(undefined);
  }

  async outgoingClearMessageId(client: Client, packet: { readonly messageId?: number }): Promise<unknown> {
    if (packet.messageId === undefined) return undefined;
    return this.#parts.sessions.acknowledge(client.id, packet.messageId);
  }

  outgoingStream(client: Client): Readable {
    return Readable.from(this.#parts.sessions.get(client.id)?.outgoing() ?? []);
  }

  /** Only that the message was taken is kept: it went on its way when it came (MQTT 3.1.1 figure 4.3, method B). */
  async incomingStorePacket(client: Client, packet: { readonly messageId: number }): Promise<void> {
    this.takeInbound(client, packet.messageId);
  }

  /** The same at once; throws where the client leaves too many unreleased. */
  takeInbound(client: Client, messageId: number): void {
    const inbound = this.#inboundOf(client);
    if (inbound.size >= this.#parts.limits.inflightInbound)
      throw new GatewayError("PROTOCOL_VIOLATION", `${client.id} leaves too many QoS 2 messages unreleased.`);
    const session = client.clean ? undefined : this.#parts.sessions.get(client.id);
    if (session === undefined) inbound.add(messageId);
    else this.#parts.sessions.holdInbound(session, messageId);
  }

  /** True where the message was taken already. */
  hasInbound(client: Client, messageId: number): boolean {
    return this.#inboundOf(client).has(messageId);
  }

  /** False where there is no such message. */
  releaseInbound(client: Client, messageId: number): boolean {
    const { sessions } = this.#parts;
    const session = client.clean ? undefined : sessions.get(client.id);
    if (session !== undefined) return sessions.releaseInbound(session, messageId);
    return this.#inbound.get(client.id)?.delete(messageId) ?? false;
  }

  async incomingGetPacket(client: Client, packet: { readonly messageId: number }): Promise<object> {
    if (!this.hasInbound(client, packet.messageId)) throw unknownMessage(packet.messageId);
    return packet;
  }

  /** Before the PUBCOMP: the client gives the identifier to another message then. */
  async incomingDelPacket(client: Client, packet: { readonly messageId: number }): Promise<void> {
    if (!this.releaseInbound(client, packet.messageId)) throw unknownMessage(packet.messageId);
    if (!client.clean) await this.#committed();
  }

  async cleanIncoming(client: Client): Promise<void> {
    this.#inbound.delete(client.id);
  }

  async putWill(): Promise<void> {}

  async delWill(): Promise<void> {}

  streamWill(): Readable {
    return Readable.from([]);
  }

  async #committed(): Promise<void> {
    await this.#parts.journal.committed();
  }

  #inboundOf(client: Client): Set<number> {
    if (!client.clean) return this.#parts.sessions.open(client.id, connectionOf(client).user).inbound;
    let inbound = this.#inbound.get(client.id);
    if (inbound === undefined) {
      inbound = new Set();
      this.#inbound.set(client.id, inbound);
    }
    return inbound;
  }
}

function unknownMessage(messageId: number): GatewayError {
  return new GatewayError("PROTOCOL_VIOLATION", `There is no QoS 2 message ${messageId} under way.`);
}
