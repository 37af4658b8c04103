import { connect, type MqttClient } from "mqtt";
import type { MqttConnection } from "../../adapters/mqtt/mapping.ts";
import type { Clock } from "../../src/adapter-kit/clock.ts";
import type { SimulatedMqttDevice } from "./mqtt-device.ts";

type MqttWill = NonNullable<MqttConnection["will"]>;

export interface DeviceClientOptions {
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly broker: string;
  readonly clock: Clock;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** ms between two messages on each topic; 500 by default. */
  readonly period?: number;
}

const retryMs = 500;
const goodbyeWithinMs = 1_000;

/** A simulated device's radio: an MQTT client that keeps trying until the broker is there, and sends at QoS 0 what need not be stored. */
export class DeviceClient {
  readonly #device: SimulatedMqttDevice;
  readonly #options: DeviceClientOptions;
  #client: MqttClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #back: NodeJS.Timeout | undefined;

  constructor(device: SimulatedMqttDevice, options: DeviceClientOptions) {
    this.#device = device;
    this.#options = options;
  }

  get connected(): boolean {
    return this.#client?.connected === true;
  }

  /** Returns at once; connects when the broker is there. Idempotent. */
  start(): void {
    if (this.#client !== undefined) return;
    const { broker, user, password, period = 500 } = this.#options;
    const { will } = this.#device.mapping.connection;
    const client = connect(broker, {
      clientId: this.#device.clientId,
      clean: true,
      keepalive: 5,
      reconnectPeriod: retryMs,
      connectTimeout: 5_000,
      queueQoSZero: false,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      ...(will === undefined
        ? {}
        : {
            will: {
              topic: will.topic,
              payload: Buffer.from(this.#gone(will)),
              qos: 1 as const,
              retain: true,
            },
          }),
    });
    this.#client = client;
    // A broker that is not there yet is the usual case at start; the client tries again by itself.
    client.on("error", () => undefined);
    client.on("message", (topic, payload) => this.#device.receive(topic, payload.toString()));
    client.on("connect", () => {
      const topics = [...this.#device.writeTopics];
      if (topics.length > 0) client.subscribe(topics, { qos: 1 });
      if (will !== undefined) this.#announce(will, "ONLINE");
      this.#send();
    });
    this.#timer = setInterval(() => this.#send(), period);
  }

  /** The radio is lost: no DISCONNECT, so that the broker sends the last will; back after `forMs`. */
  loseRadio(forMs: number): void {
    const client = this.#client;
    if (client === undefined) return;
    client.options.reconnectPeriod = 0;
    client.stream.destroy();
    clearTimeout(this.#back);
    this.#back = setTimeout(() => {
      client.options.reconnectPeriod = retryMs;
      client.reconnect();
    }, forMs);
  }

  /** Says goodbye where it can. Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    clearInterval(this.#timer);
    clearTimeout(this.#back);
    if (client === undefined) return;
    const { will } = this.#device.mapping.connection;
    if (client.connected && will !== undefined) {
      client.publish(will.topic, this.#gone(will, 0), { qos: 0, retain: true });
    }
    const timely = new AbortController();
    const { clock } = this.#options;
    await Promise.race([
      client.endAsync(!client.connected).finally(() => timely.abort()),
      // The client waits for acknowledgements for ever, and they don't come over a connection that broke meanwhile.
      clock.sleep(goodbyeWithinMs, timely.signal).catch(() => undefined),
    ]);
    client.stream.destroy();
  }

  #announce(will: MqttWill, state: string): void {
    const word = this.#device.announcement(state, this.#options.clock.now());
    this.#client?.publish(will.topic, word, { qos: 1, retain: true });
  }

  /** The word for a loss (the last of the list), or the n-th. */
  #gone({ offline }: MqttWill, index = -1): string {
    return this.#device.announcement(offline.at(index) ?? "OFFLINE", this.#options.clock.now());
  }

  #send(): void {
    const client = this.#client;
    if (client?.connected !== true) return;
    for (const { topic, payload, qos = 0 } of this.#device.messages(this.#options.clock.now())) {
      client.publish(topic, payload, { qos });
    }
  }
}
