/** One MQTT message as the in-process broker hands it on. */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  readonly qos: 0 | 1 | 2;
  /** The MQTT client that sent it; absent for messages of the gateway's own. */
  readonly clientId?: string | undefined;
}

/** What an adapter may do with the gateway's own MQTT broker. */
export interface LocalBroker {
  /** Calls back for each message that matches the filter (`+`, `#`), retained ones first; returns the way to stop. */
  subscribe(filter: string, onMessage: (message: BrokerMessage) => void): () => void;
  /** Publishes as the gateway; never throws. */
  publish(
    topic: string,
    payload: Buffer | string,
    options?: { readonly retain?: boolean; readonly qos?: 0 | 1 },
  ): void;
  /** Calls back when an MQTT client connects or is gone, however it went; returns the way to stop. */
  onClient(onChange: (clientId: string, connected: boolean) => void): () => void;
}
