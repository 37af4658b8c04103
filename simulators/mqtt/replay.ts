import { connectAsync, type MqttClient } from "mqtt";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Frame } from "../../src/trace/frame.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import type { ReplayOptions, Replayer, RunningReplay } from "../site/replayer.ts";

/** A recorded MQTT device: publishes what it said, at the times at which it said it, again and again. */
export const mqttReplayer: Replayer = {
  start: (recording, options) => ReplayClient.start(recording, options),
};

/** Between the last message and the first again. */
const breakMs = 1_000;

class ReplayClient implements RunningReplay {
  readonly place: string;
  readonly #client: MqttClient;
  readonly #messages: readonly Frame[];
  readonly #options: ReplayOptions;
  readonly #stop = new AbortController();
  readonly #playing: Promise<void>;

  private constructor(client: MqttClient, messages: readonly Frame[], options: ReplayOptions) {
    this.#client = client;
    this.#messages = messages;
    this.#options = options;
    this.place = `client ${client.options.clientId} at ${options.broker}, ${messages.length} messages again and again`;
    client.on("error", () => undefined);
    this.#playing = this.#play();
  }

  static async start({ header, frames }: Recording, options: ReplayOptions): Promise<ReplayClient> {
    const { broker, user, password } = options;
    const messages = frames.filter(
      ({ direction, length }) => direction === "received" && length === undefined,
    );
    if (messages.length === 0) {
      throw new GatewayError("CONFIG_INVALID", "The recording holds no message of the device.");
    }
    if (broker === undefined) {
      throw new GatewayError(
        "CONFIG_INVALID",
        "A recorded MQTT device connects to a broker: name it, such as --broker mqtt://127.0.0.1:1883.",
      );
    }
    try {
      const client = await connectAsync(
        broker,
        {
          clientId: clientIdOf(header.mapping) ?? header.device,
          reconnectPeriod: 500,
          connectTimeout: 5_000,
          ...(user === undefined ? {} : { username: user }),
          ...(password === undefined ? {} : { password }),
        },
        false,
      );
      return new ReplayClient(client, messages, options);
    } catch (cause) {
      const why =
        cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : "";
      throw new GatewayError("DEVICE_UNREACHABLE", `No broker answers at ${broker} (${why}).`, { cause });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#playing;
    await this.#client.endAsync(!this.#client.connected);
  }

  async #play(): Promise<void> {
    const { clock, speed } = this.#options;
    const { signal } = this.#stop;
    const first = this.#messages[0]?.t ?? 0;
    while (!signal.aborted) {
      const startedAt = clock.monotonic();
      for (const { t, channel, bytes } of this.#messages) {
        const wait = startedAt + (t - first) / speed - clock.monotonic();
        if (wait > 0) await clock.sleep(wait, signal).catch(() => undefined);
        if (signal.aborted) return;
        this.#client.publish(channel, bytes, { qos: 0 });
      }
      await clock.sleep(breakMs, signal).catch(() => undefined);
    }
  }
}

function clientIdOf(mapping: unknown): string | undefined {
  const { connection } = (mapping ?? {}) as { readonly connection?: { readonly clientId?: unknown } };
  return typeof connection?.clientId === "string" ? connection.clientId : undefined;
}
