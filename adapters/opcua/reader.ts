import type { AdapterContext, Sample } from "../../src/adapter-kit/index.ts";
import type { AddressSpace } from "./address-space.ts";
import { isMethod, type OpcuaDevice, type OpcuaTag } from "./mapping.ts";
import type { Methods } from "./methods.ts";
import { badSample, ruleOf } from "./sample-of.ts";
import type { TagNodes } from "./tag-nodes.ts";
import { tracedName, tracedValue, traceValues } from "./trace.ts";
import type { ValueReader } from "./value-reader.ts";

export interface ReaderOptions {
  readonly device: OpcuaDevice;
  readonly context: AdapterContext;
  readonly space: AddressSpace;
  readonly nodes: TagNodes;
  readonly methods: Methods;
  readonly reader: ValueReader;
  /** Told of tags that the server answers with a ServiceFault where it is asked for nothing else. */
  onFault?(this: void, tag: OpcuaTag): void;
}

/** Reads tags now: one sample a tag, in the order given; a method's are its last results. */
export async function readTags(
  tags: readonly OpcuaTag[],
  { device, context, space, nodes, methods, reader, onFault }: ReaderOptions,
  signal: AbortSignal,
): Promise<Sample[]> {
  const known = nodes.known(tags.filter(({ options }) => !isMethod(options)));
  const values = await space.read(
    known.map(([, node]) => node),
    signal,
    {
      onFault: (faulty) => {
        for (const [tag, node] of known) if (node === faulty) onFault?.(tag);
      },
    },
  );
  const samples = new Map<string, Sample>();
  for (const [index, [tag]] of known.entries()) {
    const data = values[index];
    if (data === undefined) continue;
    samples.set(tag.name, await reader.decode(ruleOf(tag, device, context), data));
  }
  const read = tags.map((tag): Sample => {
    if (isMethod(tag.options)) return methods.last(tag.name);
    const resolved = nodes.get(tag.name);
    return samples.get(tag.name) ?? badSample(tag.name, "bad" in resolved ? resolved.bad : "BadNoData");
  });
  const traced = known.flatMap(([tag], index) => {
    const sample = samples.get(tag.name);
    const data = values[index];
    return sample === undefined || data === undefined ? [] : [tracedValue(tracedName(tag), data, sample)];
  });
  if (traced.length > 0) traceValues(context, "received", "Read", traced);
  return read;
}
