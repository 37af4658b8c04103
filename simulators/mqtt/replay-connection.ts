import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { GatewayError } from "../../src/domain/errors.ts";
import type { ReplayOptions } from "../site/replayer.ts";

/** The connection of a recorded device to the broker. Rejects with CONFIG_INVALID or DEVICE_UNREACHABLE where there is none. */
export async function dialBroker(
  { broker, user, password }: ReplayOptions,
  options: Pick<IClientOptions, "clientId" | "will">,
): Promise<MqttClient> {
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
        ...options,
        reconnectPeriod: 500,
        connectTimeout: 5_000,
        ...(user === undefined ? {} : { username: user }),
        ...(password === undefined ? {} : { password }),
      },
      false,
    );
    client.on("error", () => undefined);
    return client;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message || String((cause as NodeJS.ErrnoException).code) : "";
    throw new GatewayError("DEVICE_UNREACHABLE", `No broker answers at ${broker} (${why}).`, { cause });
  }
}
