import {
  GatewayError,
  type Adapter,
  type AdapterContext,
  type AdapterModule,
  type BrowsedTag,
  type BrowseOptions,
  type Diagnosis,
  type Sample,
  type TagWrite,
} from "../../src/adapter-kit/index.ts";
import { abortable } from "./abortable.ts";
import { AddressSpace } from "./address-space.ts";
import { DataTypes } from "./data-types.ts";
import { EventFeed } from "./event-feed.ts";
import { Heartbeat } from "./heartbeat.ts";
import { readLimits, type Limits } from "./limits.ts";
import {
  isMethod,
  modeOf,
  type OpcuaConnection,
  type OpcuaDevice,
  type OpcuaOptions,
  type OpcuaTag,
  type OpcuaTagOptions,
} from "./mapping.ts";
import { Methods } from "./methods.ts";
import { PolledTags } from "./polled-tags.ts";
import { poll } from "./poller.ts";
import { readTags } from "./reader.ts";
import { Session } from "./session.ts";
import { Subscription } from "./subscription.ts";
import { TagFeed } from "./tag-feed.ts";
import { TagNodes } from "./tag-nodes.ts";
import { ValueReader } from "./value-reader.ts";
import { writeTags } from "./writer.ts";
import { WrittenForms } from "./written-forms.ts";

/** What `connect` made. */
interface Connected {
  readonly session: Session;
  readonly limits: Limits;
  readonly space: AddressSpace;
  readonly nodes: TagNodes;
  readonly methods: Methods;
  readonly reader: ValueReader;
  readonly types: DataTypes;
  readonly written: WrittenForms;
}

/** One server, on one session: subscribed to, polled, or both. */
class OpcuaAdapter implements Adapter {
  readonly #device: OpcuaDevice;
  readonly #context: AdapterContext;
  #connected: Connected | undefined;

  constructor(device: OpcuaDevice, context: AdapterContext) {
    this.#device = device;
    this.#context = context;
  }

  async connect(signal: AbortSignal): Promise<void> {
    const session = await Session.open(this.#device, this.#context, signal);
    try {
      const limits = await readLimits(session, signal);
      const space = new AddressSpace(session, limits);
      await space.refresh(signal);
      const nodes = new TagNodes(space);
      await nodes.resolve(this.#device.tags, signal);
      const types = new DataTypes(session);
      const methods = new Methods(session, space, types);
      const reader = new ValueReader(session);
      const written = new WrittenForms();
      this.#connected = { session, limits, space, nodes, methods, types, reader, written };
    } catch (caught) {
      session.channel.close();
      throw caught;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    const { session } = this.#open();
    const stop = new AbortController();
    const until = AbortSignal.any([signal, stop.signal]);
    try {
      const { tags, options } = this.#device;
      const polled = tags.filter((tag) => !isMethod(tag.options) && modeOf(tag.options, options) === "poll");
      const subscribed = tags.filter((tag) => !isMethod(tag.options) && !polled.includes(tag));
      this.#emitMethods();
      const parts = [session.channel.lost, this.#subscribe(subscribed, until)];
      if (polled.length > 0) parts.push(this.#poll(polled, until));
      for (const part of parts) part.catch(() => undefined);
      await abortable(Promise.race(parts), signal);
    } finally {
      stop.abort();
    }
  }

  async write(writes: readonly TagWrite[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { session, nodes, methods, written } = this.#open();
    await writeTags(
      writes,
      { device: this.#device, context: this.#context, session, nodes, methods, written },
      signal,
    );
  }

  async read(tags: readonly string[], signal: AbortSignal): Promise<readonly Sample[]> {
    signal.throwIfAborted();
    const { space, nodes, methods, reader, written } = this.#open();
    const wanted = tags.flatMap((name) => this.#device.tags.find((tag) => tag.name === name) ?? []);
    const samples = await readTags(
      wanted,
      { device: this.#device, context: this.#context, space, nodes, methods, reader },
      signal,
    );
    return samples.map((sample, index) => written.told(wanted[index] as OpcuaTag, sample));
  }

  async *browse(options: BrowseOptions, signal: AbortSignal): AsyncGenerator<BrowsedTag> {
    const connected = this.#open();
    const { browse } = await import("./browser.ts");
    yield* browse(options, connected, signal);
  }

  async diagnose(bad: readonly Sample[], signal: AbortSignal): Promise<readonly Diagnosis[]> {
    const connected = this.#open();
    const { diagnose } = await import("./diagnose.ts");
    return diagnose(bad, this.#device, connected, signal);
  }

  async close(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    await connected?.session.close();
  }

  async #subscribe(tags: readonly OpcuaTag[], signal: AbortSignal): Promise<never> {
    const { session, limits, space, nodes, methods, reader } = this.#open();
    const { device, connection, options } = this.#device;
    const place = `${device} at ${connection.endpoint}`;
    const { clock, log } = this.#context;
    const subscription = new Subscription(session, limits, {
      place,
      publishingInterval: options.publishingInterval,
      keepAlive: options.heartbeat / 2,
      timeout: connection.timeout,
    });
    await subscription.create(signal);
    const parts = { device: this.#device, context: this.#context, space, nodes, methods, reader };
    const feed = new TagFeed({ ...parts, subscription });
    const { namespaces } = space;
    const heartbeat = new Heartbeat({ place, clock, log, limit: options.heartbeat, namespaces });
    const notified = () => {
      heartbeat.alive();
      feed.flush();
    };
    const published = subscription.run({ notified, lostSome: () => feed.doubt() }, signal);
    published.catch(() => undefined);
    await heartbeat.subscribe(subscription, signal);
    await feed.add(tags, signal);
    await new EventFeed(this.#device, this.#context).subscribe(subscription, { session, space }, signal);
    return Promise.race([published, heartbeat.watch(signal), feed.retry(signal)]);
  }

  async #poll(tags: readonly OpcuaTag[], signal: AbortSignal): Promise<never> {
    const { space, nodes, methods, reader } = this.#open();
    const parts = { device: this.#device, context: this.#context, space, nodes, methods, reader };
    const polled = new PolledTags(parts);
    return poll(tags, (group, until) => polled.read(group, until), this.#context, signal);
  }

  #emitMethods(): void {
    const { methods } = this.#open();
    const tags = this.#device.tags.filter(({ options }) => isMethod(options));
    if (tags.length > 0)
      this.#context.emit(tags.map(({ name }) => ({ ...methods.last(name), noSignOfLife: true })));
  }

  #open(): Connected {
    if (this.#connected !== undefined) return this.#connected;
    const { device, connection } = this.#device;
    throw new GatewayError("DEVICE_UNREACHABLE", `${device} at ${connection.endpoint} is not connected.`);
  }
}

/** OPC UA over opc.tcp. */
export const opcuaAdapter: AdapterModule<OpcuaConnection, OpcuaOptions, OpcuaTagOptions> = {
  name: "opcua",
  dialsIn: () => false,
  create: (device, context) => new OpcuaAdapter(device, context),
};
