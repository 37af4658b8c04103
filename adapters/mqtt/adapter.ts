import {
  captures,
  documentWith,
  GatewayError,
  isPath,
  parseJson,
  plainText,
  pointerPath,
  valueAt,
  type Adapter,
  type AdapterContext,
  type AdapterModule,
  type BrokerMessage,
  type BrowsedTag,
  type BrowseOptions,
  type TagValue,
  type TagWrite,
  type WriteRule,
} from "../../src/adapter-kit/index.ts";
import { browseTopics } from "./browse.ts";
import type {
  MqttConnection,
  MqttDeviceMapping,
  MqttOptions,
  MqttTagOptions,
  MqttWriteOptions,
} from "./mapping.ts";
import { withOwnTopics } from "./own-topics.ts";
import { routesOf, samplesOf, type Content, type Route } from "./route.ts";
import { isObject } from "./value.ts";
import { headerFlaw, messageFlaw } from "./vda5050-message.ts";

/** A payload beyond this is not looked into: a mapped message is a few kilobytes, and JSON is parsed on the hot path. */
const mostPayloadBytes = 262_144;

/** A device that connects to the gateway's own broker and publishes there in its own way. */
class MqttDevice implements Adapter {
  readonly #device: MqttDeviceMapping;
  readonly #context: AdapterContext;
  readonly #stops: (() => void)[] = [];
  /** The topics that the gateway writes to. */
  readonly #sentTo: ReadonlySet<string>;
  /** How many messages with a header went out, by topic. */
  readonly #headers = new Map<string, number>();
  #ready = false;
  #captureLogged = false;

  constructor(device: MqttDeviceMapping, context: AdapterContext) {
    this.#device = withOwnTopics(device);
    this.#context = context;
    this.#sentTo = new Set(this.#device.tags.flatMap(({ write }) => (write ? [writeOf(write).topic] : [])));
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
    const routes = routesOf(this.#device.tags);
    for (const route of routes) {
      if (route.filter === will?.topic) continue;
      this.#stops.push(broker.subscribe(route.filter, (message) => this.#take(route, message)));
    }
    // Last, so that a will that was retained stands above readings that were.
    if (will !== undefined) {
      const told = routes.find(({ filter }) => filter === will.topic);
      this.#stops.push(broker.subscribe(will.topic, (message) => this.#takeWill(will, message, told)));
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
      const write = this.#device.tags.find(({ name }) => name === tag)?.write;
      if (write === undefined) {
        throw new GatewayError("WRITE_REFUSED", `${this.#device.device}/${tag} has no \`write\` entry.`);
      }
      this.#publish(writeOf(write), value, `${this.#device.device}/${tag}`);
    }
  }

  browse(options: BrowseOptions, signal: AbortSignal): AsyncIterable<BrowsedTag> {
    return browseTopics(this.#device, options, this.#context, signal);
  }

  async close(): Promise<void> {
    this.#ready = false;
    this.#unsubscribe();
  }

  #publish({ topic, pointer, header }: MqttWriteOptions, value: TagValue, name: string): void {
    const payload = header ? this.#withHeader(topic, value, name) : payloadOf(value, pointer);
    this.#context.trace("sent", topic, Buffer.from(payload));
    this.#context.broker.publish(topic, payload, { qos: 1 });
  }

  /** VDA 5050 V2.0.0 §6.5: counted by topic. What the value says itself of the rest stands, where it is sound. */
  #withHeader(topic: string, value: TagValue, name: string): string {
    const { vda5050 } = this.#device.connection;
    if (!isObject(value) || vda5050 === undefined)
      throw new GatewayError("WRITE_REFUSED", `${name} takes an object, such as {"orderId":"1"}.`);
    const { version, manufacturer, serialNumber } = vda5050;
    const flaw =
      headerFlaw(value, vda5050) ??
      (version.startsWith("2.") ? messageFlaw(topic.split("/").at(-1) ?? "", value) : undefined);
    if (flaw !== undefined) throw new GatewayError("WRITE_REFUSED", `${name}: ${flaw} (VDA 5050).`);
    const headerId = (this.#headers.get(topic) ?? 0) + 1;
    this.#headers.set(topic, headerId);
    const timestamp = new Date(this.#context.clock.now()).toISOString();
    return JSON.stringify({ headerId, timestamp, version, manufacturer, serialNumber, ...value });
  }

  #unsubscribe(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #take(route: Route, message: BrokerMessage, secondHand = this.#isOurs(message)): void {
    const { clock, metrics } = this.#context;
    this.#context.trace("received", message.topic, message.payload);
    const parts = captures(route.wildcards, message.topic);
    if (!parts.every(isPath)) {
      this.#refuseTopic(message.topic);
      return;
    }
    const content = this.#contentOf(route, message.payload);
    const samples = samplesOf(route, parts, content, {
      now: clock.now(),
      retained: message.retain,
      secondHand,
      onBadTimestamp: () => metrics.fault("timestamp"),
    });
    if (samples.length > 0) this.#context.emit(samples);
  }

  /** What the gateway itself wrote comes round: that shows what was sent last, not that the device is there. */
  #isOurs({ topic, clientId }: BrokerMessage): boolean {
    return clientId === undefined && this.#sentTo.has(topic);
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
      return { document: parseJson(text), text };
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

  /** A tag may show the word too: then that is the broker's, and says nothing of the device's other tags. */
  #takeWill(
    { pointer, offline }: NonNullable<MqttConnection["will"]>,
    message: BrokerMessage,
    told: Route | undefined,
  ): void {
    const { payload } = message;
    const readable = payload.length > 0 && payload.length <= mostPayloadBytes;
    const text = readable ? payload.toString() : "";
    const word = pointer === undefined ? text.trim() : wordAt(text, pointer);
    const gone = readable && offline.some((one) => String(one) === word);
    if (gone) this.#lose(`it says ${word} (its last will, perhaps)`);
    if (told === undefined) this.#context.trace("received", message.topic, payload);
    else this.#take(told, message, gone);
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
    const found = valueAt(parseJson(text), pointerPath(pointer));
    const word = ["string", "number", "bigint", "boolean"].includes(typeof found);
    return word ? String(found) : undefined;
  } catch {
    return undefined;
  }
}

function payloadOf(value: TagValue, pointer: string | undefined): string {
  if (pointer === undefined) return plainText(value);
  return documentWith(typeof value === "bigint" ? `${value}` : JSON.stringify(value), pointerPath(pointer));
}

function writeOf({ options }: WriteRule): MqttWriteOptions {
  return options as MqttWriteOptions;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export const mqttAdapter: AdapterModule<MqttConnection, MqttOptions, MqttTagOptions> = {
  name: "mqtt",
  dialsIn: () => true,
  usesBroker: true,
  create: (device, context) => new MqttDevice(device, context),
};
