import {
  GatewayError,
  type Adapter,
  type AdapterContext,
  type AdapterModule,
  type BrowseOptions,
  type BrowsedTag,
  type BusLease,
  type FrameDirection,
  type Sample,
  type TagWrite,
} from "../../src/adapter-kit/index.ts";
import { browsedTags } from "./browse.ts";
import { Confirmation } from "./confirmation.ts";
import { EdgeNode } from "./edge-node.ts";
import type { NodeListener, Update } from "./node-listener.ts";
import { holds, type MetricToSend } from "./encode.ts";
import { historyEvent } from "./history.ts";
import { HostState } from "./host-state.ts";
import type {
  SparkplugConnection,
  SparkplugDeviceMapping,
  SparkplugOptions,
  SparkplugTagMapping,
  SparkplugTagOptions,
} from "./mapping.ts";
import { badSample, sampleOf, type SampleOptions } from "./sample.ts";
import type { Scope } from "./scope.ts";

/** A birth certificate that is asked for and does not come within this is not to be had. */
const browseMs = 15_000;

interface Leases {
  readonly node: BusLease<EdgeNode>;
  /** Absent: a command looks at a device by itself. It is no host, and says nothing of the gateway's state. */
  readonly host?: BusLease<HostState>;
}

/** A Sparkplug B edge node, or one device behind it, that publishes on the gateway's own broker. */
class SparkplugDevice implements Adapter, NodeListener {
  readonly device: string | undefined;
  readonly #mapping: SparkplugDeviceMapping;
  readonly #context: AdapterContext;
  /** Several tags may show one metric. */
  readonly #byMetric: ReadonlyMap<string, readonly SparkplugTagMapping[]>;
  readonly #latest = new Map<string, Sample>();
  readonly #confirmations = new Map<string, Confirmation>();
  #leases: Leases | undefined;
  #detach: (() => void) | undefined;

  constructor(mapping: SparkplugDeviceMapping, context: AdapterContext) {
    this.device = mapping.connection.device;
    this.#mapping = mapping;
    this.#context = context;
    this.#byMetric = Map.groupBy(mapping.tags, ({ options }) => options.metric);
  }

  /** The node connects, not the gateway: there is nothing to open. */
  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const context = this.#context;
    const { group, node, hostId = context.gateway, reorder, rebirth } = this.#mapping.connection;
    const { broker, clock } = context;
    this.#leases ??= {
      node: context.bus(
        `sparkplug ${group}/${node}`,
        () => new EdgeNode({ group, node }, { broker, clock, reorder, rebirth }),
      ),
      ...(context.gateway !== undefined &&
        hostId !== undefined && {
          host: context.bus(`sparkplug host ${hostId}`, () => new HostState(hostId, broker, clock)),
        }),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { node, host } = this.#leased();
    host?.bus.announce();
    this.#detach = node.bus.attach(this);
    await aborted(signal);
    this.#release();
    signal.throwIfAborted();
  }

  async write(writes: readonly TagWrite[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { bus } = this.#leased().node;
    const scope = bus.scope(this.device);
    if (scope === undefined) {
      throw new GatewayError(
        "DEVICE_UNREACHABLE",
        `${this.#mapping.device} has no birth certificate in force: nothing was sent.`,
        { context: { sent: false } },
      );
    }
    const metrics = writes.map((write) => this.#metricOf(write, scope));
    for (const { tag, value } of writes)
      this.#confirmations.set(tag, new Confirmation(value, this.#latest.get(tag)));
    bus.command(this.device, metrics);
  }

  /** What the node said last; of a tag that was just written to, what it says of it since. */
  async read(tags: readonly string[], signal: AbortSignal): Promise<readonly Sample[]> {
    signal.throwIfAborted();
    return Promise.all(
      tags.map(async (tag) => {
        const confirmation = this.#confirmations.get(tag);
        if (confirmation === undefined) return this.#latest.get(tag) ?? badSample(tag, "NoBirth");
        try {
          return await confirmation.sample(this.#context.clock, signal);
        } finally {
          if (this.#confirmations.get(tag) === confirmation) this.#confirmations.delete(tag);
        }
      }),
    );
  }

  /** The metrics of the birth certificate, for which the node is asked. */
  async *browse(_options: BrowseOptions, signal: AbortSignal): AsyncIterable<BrowsedTag> {
    const { bus } = this.#leased().node;
    const born = Promise.withResolvers<Scope>();
    const detach = bus.attach({
      device: this.device,
      born: (scope, retained) => {
        if (!retained) born.resolve(scope);
      },
      changed: ignore,
      history: ignore,
      unsure: ignore,
      unborn: ignore,
      dead: ignore,
      unsound: ignore,
      fault: (kind) => this.fault(kind),
      frame: (...frame) => this.frame(...frame),
    });
    try {
      const limit = AbortSignal.timeout(browseMs);
      const scope = await Promise.race([born.promise, aborted(AbortSignal.any([signal, limit]))]);
      signal.throwIfAborted();
      if (scope === undefined) throw this.#noBirth();
      yield* browsedTags(scope);
    } finally {
      detach();
    }
  }

  async close(): Promise<void> {
    this.#release();
    const leases = this.#leases;
    this.#leases = undefined;
    await leases?.node.release();
    await leases?.host?.release();
  }

  born({ birth, metrics }: Scope, retained: boolean): void {
    const samples: Sample[] = [];
    for (const metric of birth.metrics) {
      const known = metric.name === undefined ? undefined : metrics.get(metric.name);
      if (known === undefined) continue;
      samples.push(...this.#samplesOf({ known, metric, timestamp: metric.timestamp ?? birth.timestamp }));
    }
    if (retained) {
      this.#context.emit(samples.flatMap(old));
      return;
    }
    const missing = this.#mapping.tags.filter(({ options }) => !metrics.has(options.metric));
    this.#tell([...samples, ...missing.map(({ name }) => badSample(name, "NoSuchMetric"))]);
  }

  changed(updates: readonly Update[]): void {
    this.#tell(updates.flatMap((update) => this.#samplesOf(update)));
  }

  history(updates: readonly Update[]): void {
    const event = historyEvent(updates.flatMap((update) => this.#samplesOf(update)));
    if (event !== undefined) this.#context.event(event);
  }

  unsure(): void {
    const doubted = [...this.#latest.values()].filter(({ quality }) => quality === "good");
    const samples = doubted.map((sample) => ({
      ...sample,
      quality: "uncertain" as const,
      status: "SequenceGap",
    }));
    this.#tell(samples);
  }

  unborn(): void {
    this.#latest.clear();
    this.#context.emit(
      this.#mapping.tags.map(({ name }) => ({ ...badSample(name, "NoBirth"), noSignOfLife: true as const })),
    );
  }

  dead(why: string): void {
    const { device } = this.#mapping;
    const advice = "Check its power, its network and its edge node.";
    this.#lose(new GatewayError("DEVICE_UNREACHABLE", `${device} is gone: ${why}. ${advice}`));
  }

  unsound({ code, message, context }: GatewayError): void {
    const { device } = this.#mapping;
    const text = `${device} can't be followed: ${message} Check what its edge node publishes.`;
    this.#lose(new GatewayError(code, text, { context }));
  }

  #lose(error: GatewayError): void {
    this.#latest.clear();
    for (const confirmation of this.#confirmations.values()) confirmation.fail(error);
    this.#confirmations.clear();
    this.#context.lost(error);
  }

  fault(kind: string): void {
    this.#context.metrics.fault(kind);
  }

  frame(direction: FrameDirection, topic: string, payload: Uint8Array): void {
    this.#context.trace(direction, topic, payload);
  }

  #samplesOf(update: Update): Sample[] {
    const sampling: SampleOptions = {
      now: this.#context.clock.now(),
      onBadTimestamp: () => this.fault("timestamp"),
    };
    return (this.#byMetric.get(update.known.name) ?? []).map((tag) => sampleOf(tag, update, sampling));
  }

  #tell(samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.#context.emit(samples);
    for (const sample of samples) {
      this.#latest.set(sample.tag, sample);
      if (sample.status !== "SequenceGap") this.#confirmations.get(sample.tag)?.take(sample);
    }
  }

  #metricOf({ tag, value }: TagWrite, scope: Scope): MetricToSend {
    const name = `${this.#mapping.device}/${tag}`;
    const mapped = this.#mapping.tags.find((one) => one.name === tag);
    if (mapped?.write === undefined || mapped.options.type === undefined)
      throw new GatewayError("WRITE_REFUSED", `${name} has no \`write\` entry, or no type.`);
    const { metric, type } = mapped.options;
    const known = scope.metrics.get(metric);
    if (known?.type !== type) {
      const found = known === undefined ? "there is none" : `it is of type ${known.type ?? "unknown"}`;
      throw new GatewayError(
        "DEVICE_REJECTED",
        `The birth certificate has no metric ${metric} of type ${type}: ${found}.`,
      );
    }
    if (!holds(type, value)) throw new GatewayError("WRITE_REFUSED", `${name} is ${type}: that is none.`);
    const timestamp = this.#context.clock.now();
    // §6.4.6: where the birth certificate gave an alias, it stands in the name's place.
    return known.alias === undefined
      ? { name: metric, timestamp, type, value }
      : { alias: known.alias, timestamp, type, value };
  }

  #leased(): Leases {
    if (this.#leases !== undefined) return this.#leases;
    throw new GatewayError("DEVICE_UNREACHABLE", `${this.#mapping.device} is not connected.`, {
      context: { sent: false },
    });
  }

  #noBirth(): GatewayError {
    const { group, node, device } = this.#mapping.connection;
    const who = device === undefined ? `${group}/${node}` : `${group}/${node}/${device}`;
    return new GatewayError(
      "DEVICE_TIMEOUT",
      `${who} sent no birth certificate, though asked for one. Is it connected to this broker, and are the ids right?`,
    );
  }

  #release(): void {
    this.#detach?.();
    this.#detach = undefined;
    this.#latest.clear();
    this.#confirmations.clear();
  }
}

/** As the broker kept it: nobody knows since when, and whether its sender is still there. */
function old(sample: Sample): Sample[] {
  return sample.quality === "bad"
    ? []
    : [{ ...sample, quality: "uncertain", status: "Retained", noSignOfLife: true }];
}

function ignore(): void {}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

export const sparkplugAdapter: AdapterModule<SparkplugConnection, SparkplugOptions, SparkplugTagOptions> = {
  name: "sparkplug",
  dialsIn: () => true,
  usesBroker: true,
  create: (device, context) => new SparkplugDevice(device, context),
};
