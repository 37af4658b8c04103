/** A subscription as a session remembers it. */
export interface StoredSubscription {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

/** A packet on its way to a client that keeps its session: a PUBLISH, or the PUBREL that took its place. */
export interface OutgoingPacket {
  readonly cmd: "publish" | "pubrel";
  messageId?: number | undefined;
  readonly brokerId?: string | undefined;
  readonly brokerCounter: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: false;
  /** It went out before (MQTT 3.1.1 §3.3.1.1). */
  readonly dup: boolean;
}

const overheadBytes = 200;

/** What one packet counts for, in bytes. */
function sizeOfOutgoing(packet: OutgoingPacket): number {
  return packet.topic.length + packet.payload.length + overheadBytes;
}

/** What outlives the connection of a client that asked for it (`clean session` 0, MQTT 3.1.1 §3.1.2.4). */
export class Session {
  readonly id: string;
  /** The user it belongs to; nobody else may take it over. */
  readonly user: string;
  readonly subscriptions = new Map<string, StoredSubscription>();
  /** Identifiers of QoS 2 messages taken but not released yet. */
  readonly inbound = new Set<number>();
  /** When its client went, in Unix ms; undefined while it is connected. */
  leftAt: number | undefined;
  /** By the broker's own number, oldest first. */
  readonly #outgoing = new Map<number, OutgoingPacket>();
  readonly #numberOf = new Map<number, number>();
  #lastIdentifier: number | undefined;
  #bytes = 0;

  constructor(id: string, user: string) {
    this.id = id;
    this.user = user;
  }

  get queued(): number {
    return this.#outgoing.size;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  /** The identifier furthest from those under way; undefined where none was given. */
  get nextIdentifier(): number | undefined {
    return this.#lastIdentifier === undefined ? undefined : (this.#lastIdentifier % 65_535) + 1;
  }

  enqueue(packet: OutgoingPacket): void {
    this.#outgoing.set(packet.brokerCounter, packet);
    this.#bytes += sizeOfOutgoing(packet);
    if (packet.messageId === undefined) return;
    this.#numberOf.set(packet.messageId, packet.brokerCounter);
    this.#lastIdentifier = packet.messageId;
  }

  /** Removes the oldest packet. */
  dropOldest(): OutgoingPacket | undefined {
    const oldest = this.#outgoing.keys().next();
    return oldest.done === true ? undefined : this.drop(oldest.value);
  }

  /** The message now carries this identifier on the wire; undefined where it did, or has been dropped meanwhile. */
  identify(brokerCounter: number, messageId: number): OutgoingPacket | undefined {
    const packet = this.#outgoing.get(brokerCounter);
    if (packet === undefined || packet.messageId === messageId) return undefined;
    if (packet.messageId !== undefined) this.#numberOf.delete(packet.messageId);
    packet.messageId = messageId;
    this.#numberOf.set(messageId, brokerCounter);
    this.#lastIdentifier = messageId;
    return packet;
  }

  /** A PUBREC came: from here on the PUBREL is what is sent again (MQTT 3.1.1 §4.3.3). */
  release(messageId: number): OutgoingPacket | undefined {
    const number = this.#numberOf.get(messageId);
    const packet = number === undefined ? undefined : this.#outgoing.get(number);
    if (number === undefined || packet?.cmd !== "publish") return undefined;
    this.#bytes -= sizeOfOutgoing(packet);
    const pubrel: OutgoingPacket = { ...packet, cmd: "pubrel", topic: "", payload: Buffer.alloc(0) };
    this.#outgoing.set(number, pubrel);
    this.#bytes += sizeOfOutgoing(pubrel);
    return pubrel;
  }

  /** The client has it: removes and returns it. */
  acknowledge(messageId: number): OutgoingPacket | undefined {
    const number = this.#numberOf.get(messageId);
    return number === undefined ? undefined : this.drop(number);
  }

  /** All that is still to be acknowledged, in order. */
  outgoing(): OutgoingPacket[] {
    return [...this.#outgoing.values()].map((packet) => {
      const isAgain = packet.cmd === "publish" && packet.messageId !== undefined;
      return isAgain ? { ...packet, dup: true } : packet;
    });
  }

  /** Removes the packet with the broker's own number. */
  drop(number: number): OutgoingPacket | undefined {
    const packet = this.#outgoing.get(number);
    if (packet === undefined) return undefined;
    this.#outgoing.delete(number);
    this.#bytes -= sizeOfOutgoing(packet);
    if (packet.messageId !== undefined && this.#numberOf.get(packet.messageId) === number) {
      this.#numberOf.delete(packet.messageId);
    }
    return packet;
  }
}
