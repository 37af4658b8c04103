import { connect as connectNats, type NatsConnection } from "@nats-io/transport-node";
import { connect, type MqttClient } from "mqtt";
import type { Ledger } from "./ledger.ts";

const everyMs = 20;
/** A durable message for so many readings. */
const saleEvery = 5;
/** A raised and a cleared alert for so many readings. */
const swing = 25;

/**
 * A device and a listener of the gateway's. The device counts: each of its readings carries another number, and swings over an
 * alert's limit; and it sells: what it got a PUBACK for must be at the hub. The listener hears what the gateway's store has committed, and so what must be at the hub.
 */
export class Load {
  readonly #ledger: Ledger;
  readonly #device: MqttClient;
  readonly #listener: NatsConnection;
  #timer: NodeJS.Timeout | undefined;
  #sent = 0;

  private constructor(ledger: Ledger, device: MqttClient, listener: NatsConnection) {
    this.#ledger = ledger;
    this.#device = device;
    this.#listener = listener;
  }

  /** @param isStored whether what the gateway says now is on its disk */
  static async begin(
    ports: { readonly mqtt: number; readonly nats: number },
    ledger: Ledger,
    isStored: () => boolean,
  ): Promise<Load> {
    const device = connect({
      host: "127.0.0.1",
      port: ports.mqtt,
      clientId: "counter",
      reconnectPeriod: 200,
      queueQoSZero: false,
    });
    device.on("error", () => undefined);
    const listener = await connectNats({
      servers: `nats://127.0.0.1:${ports.nats}`,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    const load = new Load(ledger, device, listener);
    for (const subject of ["alert.>", "batch.>"])
      listener.subscribe(subject, {
        callback: (_, { headers }) => {
          const id = headers?.get("Nats-Msg-Id") ?? "";
          if (id !== "" && isStored()) ledger.expect(id);
        },
      });
    return load;
  }

  get sent(): number {
    return this.#sent;
  }

  run(): void {
    this.#timer = setInterval(() => {
      this.#sent += 1;
      const value = Math.floor(this.#sent / swing) % 2 === 0 ? 10 : 90;
      this.#device.publish("counter/state", JSON.stringify({ n: this.#sent, value }));
      if (this.#sent % saleEvery === 0) this.#sell(`${this.#sent}`);
    }, everyMs);
  }

  rest(): void {
    clearInterval(this.#timer);
  }

  /** Sent again with each reconnect until it is acknowledged. */
  #sell(id: string): void {
    this.#device.publish("counter/sale", JSON.stringify({ id }), { qos: 1 }, (error) => {
      if (!error) this.#ledger.expect(`sale ${id}`);
    });
  }

  async end(): Promise<void> {
    this.rest();
    await Promise.all([this.#device.endAsync(true), this.#listener.close()]);
  }
}
