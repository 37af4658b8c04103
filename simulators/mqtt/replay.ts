import type { MqttClient } from "mqtt";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Frame } from "../../src/trace/frame.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import { playAgain } from "../site/play-again.ts";
import type { ReplayOptions, Replayer, RunningReplay } from "../site/replayer.ts";
import { dialBroker } from "./replay-connection.ts";

/** A recorded MQTT device: publishes what it said, at the times at which it said it, again and again. */
export const mqttReplayer: Replayer = {
  start: (recording, options) => ReplayClient.start(recording, options),
};

class ReplayClient implements RunningReplay {
  readonly place: string;
  readonly #client: MqttClient;
  readonly #stop = new AbortController();
  readonly #playing: Promise<void>;

  private constructor(client: MqttClient, messages: readonly Frame[], options: ReplayOptions) {
    this.#client = client;
    this.place = `client ${client.options.clientId} at ${options.broker}, ${messages.length} messages again and again`;
    const { clock, speed } = options;
    this.#playing = playAgain(messages, { clock, speed, signal: this.#stop.signal }, ({ channel, bytes }) => {
      client.publish(channel, bytes, { qos: 0 });
    });
  }

  static async start({ header, frames }: Recording, options: ReplayOptions): Promise<ReplayClient> {
    const messages = frames.filter(
      ({ direction, length }) => direction === "received" && length === undefined,
    );
    if (messages.length === 0) {
      throw new GatewayError("CONFIG_INVALID", "The recording holds no message of the device.");
    }
    const client = await dialBroker(options, { clientId: clientIdOf(header.mapping) ?? header.device });
    return new ReplayClient(client, messages, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#playing;
    await this.#client.endAsync(!this.#client.connected);
  }
}

function clientIdOf(mapping: unknown): string | undefined {
  const { connection } = (mapping ?? {}) as { readonly connection?: { readonly clientId?: unknown } };
  return typeof connection?.clientId === "string" ? connection.clientId : undefined;
}
