import { DataChangeFilter } from "node-opcua-types";
import type { NodeId } from "node-opcua-nodeid";
import type { DataValue } from "node-opcua-data-value";
import type { AdapterContext, Sample } from "../../src/adapter-kit/index.ts";
import type { OpcuaDevice, OpcuaTag } from "./mapping.ts";
import { badSample, type SampleRule } from "./sample-of.ts";
import { statusName } from "./status.ts";
import { tracedName, tracedValue, traceValues, type TracedValue } from "./trace.ts";
import type { Monitored, MonitoredSpec, Subscription } from "./subscription.ts";
import type { TagNodes } from "./tag-nodes.ts";
import type { ValueReader } from "./value-reader.ts";

/** Statuses that say that the node is not there now, and may be after a download into the PLC. */
const gone = /^Bad(NodeIdUnknown|NodeIdInvalid|NoMatch|AttributeIdInvalid|NotReadable|UserAccessDenied)$/;
/** Statuses that say that the server does not do this filter on this node. */
const unfiltered = /^Bad(MonitoredItemFilter\w+|DeadbandFilterInvalid|FilterNotAllowed|NotSupported)$/;

const triggers = { status: 0, "status-value": 1, "status-value-timestamp": 2 } as const;

export interface TagFeedOptions {
  readonly device: OpcuaDevice;
  readonly context: AdapterContext;
  readonly nodes: TagNodes;
  readonly reader: ValueReader;
  readonly subscription: Subscription;
}

/** The subscribed tags: each an item of the subscription, or bad and tried again now and then. */
export class TagFeed {
  readonly #options: TagFeedOptions;
  readonly #items = new Map<string, Extract<Monitored, { id: number }>>();
  readonly #missing = new Set<OpcuaTag>();
  #pending: Sample[] = [];
  #traced: TracedValue[] = [];
  #told = false;

  constructor(options: TagFeedOptions) {
    this.#options = options;
  }

  /** Creates the items; what the server refuses becomes a bad sample. */
  async add(tags: readonly OpcuaTag[], signal: AbortSignal): Promise<void> {
    const { nodes, subscription, context } = this.#options;
    const known = nodes.known(tags);
    const results = await subscription.monitor(
      known.map(([tag, node]) => this.#spec(tag, node, true)),
      signal,
    );
    const again = known.filter((_tag, index) => {
      const result = results[index];
      return result !== undefined && "bad" in result && unfiltered.test(result.bad);
    });
    const plain = await subscription.monitor(
      again.map(([tag, node]) => this.#spec(tag, node, false)),
      signal,
    );
    this.#tellUnfiltered(
      again.filter((_tag, index) => "id" in (plain[index] ?? { bad: "" })).map(([tag]) => tag),
    );
    const outcome = new Map(known.map(([tag], index) => [tag, results[index]]));
    for (const [index, [tag]] of again.entries()) outcome.set(tag, plain[index]);
    const bad: Sample[] = [];
    for (const tag of tags) {
      const resolved = nodes.get(tag.name);
      const result = "bad" in resolved ? resolved : outcome.get(tag);
      if (result !== undefined && "id" in result && "handle" in result) this.#items.set(tag.name, result);
      else bad.push(this.#refused(tag, result));
    }
    if (bad.length > 0) context.emit(bad);
  }

  /** Hands on what the last notification brought. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const samples = this.#pending;
    this.#pending = [];
    const { context } = this.#options;
    traceValues(context, "received", "Publish", this.#traced);
    this.#traced = [];
    context.emit(samples);
  }

  /** Tries the tags again that the server does not know, until aborted. */
  async retry(signal: AbortSignal): Promise<never> {
    const { context, device, subscription } = this.#options;
    for (;;) {
      await context.clock.sleep(device.options.retryBadTags, signal);
      const tags = [...this.#missing];
      if (tags.length === 0) continue;
      this.#missing.clear();
      const dead = tags.flatMap(({ name }) => this.#items.get(name) ?? []);
      for (const { name } of tags) this.#items.delete(name);
      await subscription.forget(dead, signal);
      await this.#options.nodes.resolve(tags, signal);
      await this.add(tags, signal);
    }
  }

  #refused(tag: OpcuaTag, result: { readonly bad: string } | { readonly id: unknown } | undefined): Sample {
    this.#missing.add(tag);
    return badSample(tag.name, result !== undefined && "bad" in result ? result.bad : "BadUnexpectedError");
  }

  #spec(tag: OpcuaTag, node: NodeId, filtered: boolean): MonitoredSpec {
    const { device, reader } = this.#options;
    const name = tracedName(tag);
    const rule: SampleRule = { tag: tag.name, spec: tag.value, timestamps: device.options.timestamps };
    return {
      node,
      attribute: 13,
      samplingInterval: tag.options.samplingInterval ?? device.options.samplingInterval,
      queueSize: tag.options.queueSize ?? device.options.queueSize,
      filter: filterOf(tag, device, filtered),
      onData: (data) => {
        this.#watchFor(tag, data);
        const sample = reader.sample(rule, data, (late) => this.#takeLate(name, data, late));
        if (sample === undefined) return;
        this.#pending.push(sample);
        this.#traced.push(tracedValue(name, data, sample));
      },
    };
  }

  /** A structure whose type had to be asked for. */
  #takeLate(name: string, data: DataValue, sample: Sample): void {
    const { context } = this.#options;
    traceValues(context, "received", "Publish", [tracedValue(name, data, sample)]);
    context.emit([sample]);
  }

  #watchFor(tag: OpcuaTag, data: DataValue): void {
    if (data.statusCode.value === 0) return;
    if (gone.test(statusName(data.statusCode))) this.#missing.add(tag);
  }

  #tellUnfiltered(tags: readonly OpcuaTag[]): void {
    if (tags.length === 0 || this.#told) return;
    this.#told = true;
    const { device, context } = this.#options;
    context.log.warn(
      { device: device.device, tags: tags.map(({ name }) => name) },
      "the server does not take the deadband or trigger of these tags: every change of theirs comes. `deadband` in place of `serverDeadband` works in the gateway",
    );
  }
}

function filterOf(tag: OpcuaTag, device: OpcuaDevice, filtered: boolean): DataChangeFilter | undefined {
  const { serverDeadband, serverDeadbandPercent } = tag.options;
  const trigger = tag.options.trigger ?? device.options.trigger;
  const deadband = serverDeadband ?? serverDeadbandPercent;
  if (!filtered || (trigger === "status-value" && deadband === undefined)) return undefined;
  return new DataChangeFilter({
    trigger: triggers[trigger],
    deadbandType: deadband === undefined ? 0 : serverDeadband === undefined ? 2 : 1,
    deadbandValue: deadband ?? 0,
  });
}
