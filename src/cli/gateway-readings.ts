import { decodeReading, type Reading } from "../domain/reading.ts";
import { TagPath } from "../domain/tag-path.ts";
import { readSecret } from "../security/read-secret.ts";
import type { DeviceState } from "../supervisor/device-state.ts";
import type { TargetOptions } from "./device-target.ts";
import { RemoteBroker } from "./remote-broker.ts";

interface Sink {
  readonly site: string;
  onReading(reading: Reading): void;
  onState(device: string, state: DeviceState): void;
}

/** What a running gateway publishes, from its broker: the retained values first. */
export class GatewayReadings implements AsyncDisposable {
  readonly #broker: RemoteBroker;

  private constructor(broker: RemoteBroker) {
    this.#broker = broker;
  }

  /** Rejects where no gateway answers. */
  static async start(url: string, sink: Sink, { user, password }: TargetOptions): Promise<GatewayReadings> {
    const secrets = { siteDir: ".", environment: process.env };
    const secret = password === undefined ? undefined : await readSecret(password, secrets);
    const broker = await RemoteBroker.connect({ url, user, password: secret });
    broker.subscribe(`data/${sink.site}/#`, ({ topic, payload }) => {
      const path = new TagPath("data", topic.slice("data/".length));
      const reading = decodeReading(path, payload.toString(), 0);
      if (reading !== undefined) sink.onReading(reading);
    });
    broker.subscribe(`state/${sink.site}/+`, ({ topic, payload }) => {
      const state = objectOf(payload);
      if (state !== undefined) sink.onState(topic.split("/").at(-1) ?? "", state as unknown as DeviceState);
    });
    return new GatewayReadings(broker);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker.close();
  }
}

/** Undefined for what is no JSON object: nothing of the gateway's. */
function objectOf(payload: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(payload.toString());
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
