import {
  GatewayError,
  isPath,
  plainText,
  type Adapter,
  type AdapterContext,
  type AdapterModule,
  type BrokerMessage,
  type BrowsedTag,
  type BrowseOptions,
  type TagValue,
  type TagWrite,
} from "../../src/adapter-kit/index.ts";
import { browseTopics } from "./browse.ts";
import { documentWith, pointerPath, valueAt } from "./json-pointer.ts";
import type {
  MqttConnection,
  MqttDeviceMapping,
  MqttOptions,
  MqttTagOptions,
  MqttWriteOptions,
} from "./mapping.ts";
import { capturesOf, routesOf, samplesOf, type Content, type Route } from "./route.ts";

/** A payload beyond this is not looked into: a mapped message is a few kilobytes, and JSON is parsed on the hot path. */
const mostPayloadBytes = 262_144;

/** A device that connects to the gateway's own broker and publishes there in its own way. */
class MqttDevice implements Adapter {
  readonly #device: MqttDeviceMapping;
  readonly #context: AdapterContext;
  readonly #stops: (() => void)[] = [];
  #ready = false;
  #captureLogged = false;

  constructor(device: MqttDeviceMapping, context: AdapterContext) {
    this.#device = device;
    this.#context = context;
  }

  /** The device connects, not the gateway: there is nothing to open. */
  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#ready = true;
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { broker } = this.#context;
    const { clientId, will } = this.#device.connection;
    if (clientId !== undefined) {
      this.#stops.push(
        broker.onClient((id, connected) => {
          if (id === clientId && !connected) this.#lose(`its MQTT client ${clientId} is gone`);
        }),
      );
    }
    for (const route of routesOf(this.#device.tags)) {
      this.#stops.push(broker.subscribe(route.filter, (message) => this.#take(route, message)));
    }
    // Last, so that a will that was retained stands above readings that were.
    if (will !== undefined) {
      this.#stops.push(broker.subscribe(will.topic, (message) => this.#takeWill(will, message)));
    }
    await aborted(signal);
    this.#unsubscribe();
    signal.throwIfAborted();
  }

  async write(writes: readonly TagWrite[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#ready) {
      throw new GatewayError(
        "DEVICE_UNREACHABLE",
        `${this.#device.device} is not connected: nothing was sent.`,
      );
    }
    for (const { tag, value } of writes) {
      const options = this.#device.tags.find(({ name }) => name === tag)?.write?.options;
      if (options === undefined) {
        throw new GatewayError("WRITE_REFUSED", `${this.#device.device}/${tag} has no \`write\` entry.`);
      }
      const { topic, pointer } = options as MqttWriteOptions;
      const payload = Buffer.from(payloadOf(value, pointer));
      this.#context.trace("sent", topic, payload);
      this.#context.broker.publish(topic, payload, { qos: 1 });
    }
  }

  browse(options: BrowseOptions, signal: AbortSignal): AsyncIterable<BrowsedTag> {
    return browseTopics(this.#device, options, this.#context, signal);
  }

  async close(): Promise<void> {
    this.#ready = false;
    this.#unsubscribe();
  }

  #unsubscribe(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #take(route: Route, message: BrokerMessage): void {
    const { clock, metrics } = this.#context;
    this.#context.trace("received", message.topic, message.payload);
    const captures = capturesOf(route, message.topic);
    if (!captures.every(isPath)) {
      this.#refuseTopic(message.topic);
      return;
    }
    const content = this.#contentOf(route, message.payload);
    const samples = samplesOf(route, captures, content, {
      now: clock.now(),
      retained: message.retain,
      onBadTimestamp: () => metrics.fault("timestamp"),
    });
    if (samples.length > 0) this.#context.emit(samples);
  }

  #contentOf(route: Route, payload: Buffer): Content {
    const { metrics } = this.#context;
    if (payload.length > mostPayloadBytes) {
      metrics.fault("payload-too-large");
      return { document: undefined, text: "", bad: "PayloadTooLarge" };
    }
    const text = payload.toString();
    if (!route.json) return { document: undefined, text };
    try {
      return { document: JSON.parse(text) as unknown, text };
    } catch {
      metrics.fault("malformed-payload");
      return { document: undefined, text, bad: "MalformedPayload" };
    }
  }

  /** Counted each time, told once: the topics that others publish on are not in the gateway's hands. */
  #refuseTopic(topic: string): void {
    this.#context.metrics.fault("topic");
    if (this.#captureLogged) return;
    this.#captureLogged = true;
    this.#context.log.warn(
      { device: this.#device.device, topic },
      "a topic can't become a tag: what a wildcard stands for must be letters, digits, _ and -. More such topics are only counted",
    );
  }

  #takeWill({ pointer, offline }: NonNullable<MqttConnection["will"]>, message: BrokerMessage): void {
    const { payload } = message;
    this.#context.trace("received", message.topic, payload);
    if (payload.length === 0 || payload.length > mostPayloadBytes) return;
    const word = pointer === undefined ? payload.toString().trim() : wordAt(payload.toString(), pointer);
    if (offline.some((one) => String(one) === word)) this.#lose(`it says ${word} (its last will, perhaps)`);
  }

  #lose(why: string): void {
    const { device } = this.#device;
    this.#context.lost(
      new GatewayError("DEVICE_UNREACHABLE", `${device} is gone: ${why}. Check its power and its network.`),
    );
  }
}

/** What a JSON text says at the pointer, as a word; undefined where it says nothing there. */
function wordAt(text: string, pointer: string): string | undefined {
  try {
    const found = valueAt(JSON.parse(text), pointerPath(pointer));
    const word = typeof found === "string" || typeof found === "number" || typeof found === "boolean";
    return word ? String(found) : undefined;
  } catch {
    return undefined;
  }
}

function payloadOf(value: TagValue, pointer: string | undefined): string {
  if (pointer === undefined) return plainText(value);
  return documentWith(typeof value === "bigint" ? `${value}` : JSON.stringify(value), pointerPath(pointer));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export const mqttAdapter: AdapterModule<MqttConnection, MqttOptions, MqttTagOptions> = {
  name: "mqtt",
  dialsIn: true,
  create: (device, context) => new MqttDevice(device, context),
};
