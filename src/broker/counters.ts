/** Why a client was not let in, or was sent away. */
export type Rejection =
  | "connections"
  | "credentials"
  | "tooManyFailures"
  | "busy"
  | "clientId"
  | "version"
  | "timeout"
  | "tls"
  | "origin"
  | "packetSize"
  | "protocol"
  | "disk";

/** Plain figures of the broker, read by the metrics at any time. */
export interface BrokerCounters {
  /** Clients connected now. */
  clients: number;
  connectionsTotal: number;
  readonly rejected: Record<Rejection, number>;
  /** PUBLISH packets taken from clients. */
  received: number;
  /** Messages published by the gateway. */
  published: number;
  /** PUBLISH packets handed to clients. */
  sent: number;
  /** Publishes and wills that their client has no right to, dropped. */
  refusedPublishes: number;
  refusedSubscribes: number;
  /** Times that a client was made to wait because it sent more than its rate. */
  throttled: number;
  slowDisconnected: number;
  retainedMessages: number;
  retainedBytes: number;
  /** Messages that were not retained because the store is full; they were delivered all the same. */
  storeRefused: number;
  sessions: number;
  queuedMessages: number;
  queuedBytes: number;
  /** Messages lost to clients that were offline for too long. */
  droppedOffline: number;
  /** What a restart found on disk. */
  restoredSessions: number;
  restoredMessages: number;
  restoredRetained: number;
  /** Rows of sessions and retained messages written to disk. */
  journalRows: number;
  /** QoS 1 and 2 messages of clients whose PUBACK or PUBREC waits for the disk. */
  inFlightToDisk: number;
  /** Errors thrown by parts of the gateway that subscribe. */
  subscriberErrors: number;
}

export function noTraffic(): BrokerCounters {
  return {
    clients: 0,
    connectionsTotal: 0,
    rejected: {
      connections: 0,
      credentials: 0,
      tooManyFailures: 0,
      busy: 0,
      clientId: 0,
      version: 0,
      timeout: 0,
      tls: 0,
      origin: 0,
      packetSize: 0,
      protocol: 0,
      disk: 0,
    },
    received: 0,
    published: 0,
    sent: 0,
    refusedPublishes: 0,
    refusedSubscribes: 0,
    throttled: 0,
    slowDisconnected: 0,
    retainedMessages: 0,
    retainedBytes: 0,
    storeRefused: 0,
    sessions: 0,
    queuedMessages: 0,
    queuedBytes: 0,
    droppedOffline: 0,
    restoredSessions: 0,
    restoredMessages: 0,
    restoredRetained: 0,
    journalRows: 0,
    inFlightToDisk: 0,
    subscriberErrors: 0,
  };
}
