import type { MqttClient } from "mqtt";
import type { BrokerMessage, LocalBroker } from "../adapter-kit/local-broker.ts";
import { GatewayError } from "../domain/errors.ts";
import { compileFilter } from "../domain/topic-filter.ts";
import { readAuthority } from "./read-authority.ts";

export interface BrokerLogin {
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** A PEM file with the authority of the broker's certificate; without it the system's count. */
  readonly ca?: string | undefined;
}

const connectWithinMs = 3_000;

interface Subscription {
  readonly filter: string;
  readonly matches: (topic: string) => boolean;
  readonly onMessage: (message: BrokerMessage) => void;
}

/** The broker of a running gateway, or any other, seen from a command: as a client sees it. */
export class RemoteBroker implements LocalBroker {
  readonly #client: MqttClient;
  readonly #subscriptions = new Set<Subscription>();

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on("message", (topic, payload, { retain, qos }) => {
      for (const { matches, onMessage } of this.#subscriptions) {
        if (matches(topic)) onMessage({ topic, payload, retain, qos });
      }
    });
  }

  /** Rejects with DEVICE_UNREACHABLE where no broker is there or it takes nobody of that name. */
  static async connect({ url, user, password, ca }: BrokerLogin): Promise<RemoteBroker> {
    if (!/^(mqtts?|wss?):\/\//.test(url)) {
      throw new GatewayError(
        "CONFIG_INVALID",
        `${plainUrl(url)} is no MQTT broker, to which these devices connect: expected mqtt://HOST:PORT or mqtts://HOST:PORT. What a gateway publishes over NATS is shown by \`linegate monitor DIR --gateway --broker nats://HOST:PORT\`.`,
      );
    }
    const authority = ca === undefined ? undefined : await readAuthority(ca);
    const { connectAsync } = await import("mqtt");
    try {
      const client = await connectAsync(
        url,
        {
          clean: true,
          reconnectPeriod: 500,
          connectTimeout: connectWithinMs,
          ...(user === undefined ? {} : { username: user }),
          ...(password === undefined ? {} : { password }),
          ...(authority === undefined ? {} : { ca: authority }),
        },
        false,
      );
      client.on("error", () => undefined);
      return new RemoteBroker(client);
    } catch (cause) {
      const why =
        cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : "";
      throw new GatewayError(
        "DEVICE_UNREACHABLE",
        `No MQTT broker answers at ${plainUrl(url)} (${why}). Devices of this kind connect to the gateway's broker: start the gateway ` +
          "with `linegate run DIR`, or name the broker with --broker, and the user with --user and --password.",
        { cause, context: { url: plainUrl(url) } },
      );
    }
  }

  subscribe(filter: string, onMessage: (message: BrokerMessage) => void): () => void {
    const subscription = { filter, matches: compileFilter(filter), onMessage };
    this.#subscriptions.add(subscription);
    this.#client.subscribe(filter, { qos: 0 }, () => undefined);
    return () => {
      this.#subscriptions.delete(subscription);
      if ([...this.#subscriptions].some((other) => other.filter === filter)) return;
      this.#client.unsubscribe(filter, () => undefined);
    };
  }

  publish(
    topic: string,
    payload: Buffer | string,
    options: { readonly retain?: boolean; readonly qos?: 0 | 1 } = {},
  ): void {
    this.#client.publish(
      topic,
      payload,
      { qos: options.qos ?? 0, retain: options.retain ?? false },
      () => undefined,
    );
  }

  /** A client is not told of other clients. */
  onClient(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    // What was published is sent before the goodbye.
    await this.#client.endAsync(!this.#client.connected);
  }
}

/** Without the user and the password that may stand in it. */
function plainUrl(url: string): string {
  return url.replace(/\/\/[^/@]*@/, "//");
}
