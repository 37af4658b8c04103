import { DataChangeFilter } from "node-opcua-types";
import type { NodeId } from "node-opcua-nodeid";
import type { DataValue } from "node-opcua-data-value";
import type { Sample } from "../../src/adapter-kit/index.ts";
import type { OpcuaDevice, OpcuaTag } from "./mapping.ts";
import { readTags, type ReaderOptions } from "./reader.ts";
import { badSample, ruleOf } from "./sample-of.ts";
import { statusName } from "./status.ts";
import { tracedName, tracedValue, traceValues, type TracedValue } from "./trace.ts";
import type { Monitored, MonitoredSpec, Subscription } from "./subscription.ts";

/** Statuses that say that the node is not there now, and may be after a download into the PLC. */
const gone = /^Bad(NodeIdUnknown|NodeIdInvalid|NoMatch|AttributeIdInvalid|NotReadable|UserAccessDenied)$/;
/** Statuses that say that the server does not do this filter on this node. */
const unfiltered = /^Bad(MonitoredItemFilter\w+|DeadbandFilterInvalid|FilterNotAllowed|NotSupported)$/;

const triggers = { status: 0, "status-value": 1, "status-value-timestamp": 2 } as const;

export interface TagFeedOptions extends ReaderOptions {
  readonly subscription: Subscription;
}

/** The subscribed tags: each an item of the subscription, or bad and tried again now and then. */
export class TagFeed {
  readonly #options: TagFeedOptions;
  readonly #items = new Map<string, Extract<Monitored, { id: number }>>();
  readonly #missing = new Set<OpcuaTag>();
  /** Items that said nothing yet, or not since a notification went missing: their values are asked for. */
  readonly #silent = new Set<OpcuaTag>();
  #pending: Sample[] = [];
  #traced: TracedValue[] = [];
  #told = false;
  #notified = false;
  #refusals: Sample[] = [];

  constructor(options: TagFeedOptions) {
    this.#options = options;
  }

  /** Creates the items; what the server refuses becomes a bad sample. */
  async add(tags: readonly OpcuaTag[], signal: AbortSignal): Promise<void> {
    const { nodes, subscription, context } = this.#options;
    const known = nodes.known(tags);
    // A first value may come before the answer is worked on.
    for (const [tag] of known) this.#silent.add(tag);
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
    // A refusal is an answer, and no data: it is told once the subscription has said something.
    if (!this.#notified) this.#refusals.push(...bad);
    else if (bad.length > 0) context.emit(bad);
  }

  /** Hands on what the last notification brought. */
  flush(): void {
    const { context } = this.#options;
    const samples = [...this.#refusals, ...this.#pending];
    this.#notified = true;
    this.#refusals = [];
    this.#pending = [];
    if (this.#traced.length > 0) traceValues(context, "received", "Publish", this.#traced);
    this.#traced = [];
    if (samples.length > 0) context.emit(samples);
  }

  /** A notification went missing: nobody knows whose values were in it. */
  doubt(): void {
    for (const tag of this.#options.device.tags) if (this.#items.has(tag.name)) this.#silent.add(tag);
  }

  /** Tries the tags again that the server does not know, and asks for what it does not send, until aborted. */
  async retry(signal: AbortSignal): Promise<never> {
    const { context, device } = this.#options;
    const { retryBadTags, publishingInterval } = device.options;
    // First values come with the first publishing.
    let wait = Math.min(retryBadTags, 4 * publishingInterval);
    for (;;) {
      await context.clock.sleep(wait, signal);
      wait = retryBadTags;
      await this.#askSilent(signal);
      if (this.#missing.size > 0) await this.#addMissing(signal);
    }
  }

  /** Some servers drop a whole notification for one value that they can't encode. */
  async #askSilent(signal: AbortSignal): Promise<void> {
    const tags = [...this.#silent].filter((tag) => this.#items.has(tag.name));
    if (tags.length === 0) return;
    const samples = await readTags(tags, this.#options, signal);
    // What came by itself meanwhile is newer.
    const still = samples.filter((_sample, index) => this.#silent.has(tags[index] as OpcuaTag));
    for (const [index, { quality }] of samples.entries())
      if (quality !== "bad") this.#silent.delete(tags[index] as OpcuaTag);
    if (still.length > 0) this.#options.context.emit(still);
  }

  async #addMissing(signal: AbortSignal): Promise<void> {
    const { nodes, subscription } = this.#options;
    const tags = [...this.#missing];
    this.#missing.clear();
    const dead = tags.flatMap(({ name }) => this.#items.get(name) ?? []);
    for (const { name } of tags) this.#items.delete(name);
    await subscription.forget(dead, signal);
    await nodes.resolve(tags, signal);
    await this.add(tags, signal);
  }

  #refused(tag: OpcuaTag, result: { readonly bad: string } | { readonly id: unknown } | undefined): Sample {
    this.#missing.add(tag);
    this.#silent.delete(tag);
    return badSample(tag.name, result !== undefined && "bad" in result ? result.bad : "BadUnexpectedError");
  }

  #spec(tag: OpcuaTag, node: NodeId, filtered: boolean): MonitoredSpec {
    const { device, context, reader } = this.#options;
    const name = tracedName(tag);
    const rule = ruleOf(tag, device, context);
    return {
      node,
      attribute: 13,
      samplingInterval: tag.options.samplingInterval ?? device.options.samplingInterval,
      queueSize: tag.options.queueSize ?? device.options.queueSize,
      filter: filterOf(tag, device, filtered),
      onData: (data) => {
        this.#silent.delete(tag);
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
