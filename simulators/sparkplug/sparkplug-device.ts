import type { SparkplugDeviceMapping, SparkplugTagMapping } from "../../adapters/sparkplug/mapping.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { compileScaling } from "../../src/normalise/scaling.ts";
import { rawOf } from "../site/raw-value.ts";
import type { SimulatedDevice, SimulatedTag } from "../site/simulated-device.ts";
import { SimulatedEdgeNode } from "./edge-node.ts";

/** A Sparkplug device as its mapping describes it: the tags' values are metrics of an edge node. */
export class SimulatedSparkplugDevice implements SimulatedDevice {
  readonly mapping: SparkplugDeviceMapping;
  readonly tags: readonly SimulatedTag[];
  readonly node: SimulatedEdgeNode;
  readonly #byName: ReadonlyMap<string, SparkplugTagMapping>;

  constructor(mapping: SparkplugDeviceMapping, node: SimulatedEdgeNode) {
    this.mapping = mapping;
    this.node = node;
    this.tags = mapping.tags.map((tag) => ({ name: tag.name, mapping: tag }));
    this.#byName = new Map(mapping.tags.map((tag) => [tag.name, tag]));
    for (const { options } of mapping.tags)
      node.define(mapping.connection.device, options.metric, options.type ?? "float64");
  }

  get place(): string {
    const { group, node, device } = this.mapping.connection;
    return `Sparkplug ${[group, node, ...(device === undefined ? [] : [device])].join("/")}`;
  }

  set(name: string, value: TagValue): void {
    const tag = this.#byName.get(name);
    if (tag !== undefined)
      this.node.set(this.mapping.connection.device, tag.options.metric, rawOf(value, tag));
  }

  get(name: string): TagValue | undefined {
    const tag = this.#byName.get(name);
    const raw = tag && this.node.get(this.mapping.connection.device, tag.options.metric);
    return tag === undefined || raw === undefined || raw === null ? undefined : compileScaling(tag)(raw);
  }
}

/** The devices of a site, those of one edge node behind one. */
export function simulatedSparkplugDevices(
  mappings: readonly SparkplugDeviceMapping[],
): SimulatedSparkplugDevice[] {
  const nodes = new Map<string, SimulatedEdgeNode>();
  return mappings.map((mapping) => {
    const { group, node } = mapping.connection;
    const key = `${group}/${node}`;
    const shared = nodes.get(key) ?? new SimulatedEdgeNode({ group, node });
    nodes.set(key, shared);
    return new SimulatedSparkplugDevice(mapping, shared);
  });
}
