import type { BrokerConfig } from "../config/gateway-schema.ts";

/** Every bound of the broker: those of the configuration, and those that nobody needs to set. */
export interface BrokerLimits {
  /** Clients connected at once. */
  readonly connections: number;
  /** Bytes of one packet from a client, its fixed header left out. */
  readonly packetBytes: number;
  /** Packets that cost work (PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGREQ) taken from one client each second. */
  readonly packetsPerSecond: number;
  /** Bytes waiting for one slow client. */
  readonly pendingBytes: number;
  /** Bytes of a client's messages that wait for their PUBACK or PUBREC; beyond, it is not read. */
  readonly unansweredBytes: number;
  /** Sockets that have not sent their CONNECT yet; beyond, the one that waited longest goes. */
  readonly waitingConnections: number;
  /** Bytes of a CONNECT, which anybody may send. */
  readonly connectBytes: number;
  readonly connectTimeoutMs: number;
  /** A client whose socket takes nothing for this long is disconnected. */
  readonly drainTimeoutMs: number;
  /** Characters of a client id. MQTT 3.1 has 23, which most brokers and clients ignore; 3.1.1 has no limit. */
  readonly clientIdLength: number;
  /** Bytes of a topic or filter. */
  readonly topicBytes: number;
  readonly topicLevels: number;
  readonly subscriptionsPerClient: number;
  /** QoS 2 messages of one client that wait for their PUBREL. */
  readonly inflightInbound: number;
  /** Retained messages of devices, and their bytes; the gateway's own are bounded by the mappings. */
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  /** Sessions that outlive their connection; beyond, the one longest offline goes. */
  readonly sessions: number;
  /** An offline session is forgotten after this long. */
  readonly sessionExpiryMs: number;
  /** QoS 1 and 2 messages waiting for one session, and their bytes; beyond, its oldest go. */
  readonly queuedPerSession: number;
  readonly queuedBytesPerSession: number;
  /** The same for all sessions; beyond, the messages of the session longest offline go first. */
  readonly queuedTotal: number;
  readonly queuedBytesTotal: number;
}

/** The bounds of a broker with this configuration. */
export function brokerLimits({ limits }: Pick<BrokerConfig, "limits">): BrokerLimits {
  return {
    connections: limits.connections,
    packetBytes: limits.packetSize,
    packetsPerSecond: limits.messagesPerSecond,
    pendingBytes: limits.pendingBytes,
    unansweredBytes: 262_144,
    waitingConnections: 64,
    connectBytes: Math.min(limits.packetSize, 262_144),
    connectTimeoutMs: 10_000,
    drainTimeoutMs: 15_000,
    clientIdLength: 256,
    topicBytes: 1_024,
    topicLevels: 64,
    subscriptionsPerClient: 256,
    inflightInbound: 200,
    retainedMessages: 10_000,
    retainedBytes: 16_000_000,
    sessions: Math.max(1_000, limits.connections),
    sessionExpiryMs: 86_400_000,
    queuedPerSession: 1_000,
    queuedBytesPerSession: 4_000_000,
    queuedTotal: 20_000,
    queuedBytesTotal: 32_000_000,
  };
}
