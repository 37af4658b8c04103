import { AttributeIds } from "node-opcua-data-model";
import { coerceNodeId, NodeId } from "node-opcua-nodeid";
import type { DataValue } from "node-opcua-data-value";
import type { BrowsedTag, JsonValue } from "../../src/adapter-kit/index.ts";
import type { AddressSpace } from "./address-space.ts";
import type { DataTypes } from "./data-types.ts";
import { formatNodeAddress, parseNodeAddress } from "./node-address.ts";
import type { SampleRule } from "./sample-of.ts";
import { qualityOf } from "./status.ts";
import { typeOfBuiltIn } from "./value-type.ts";
import type { ValueReader } from "./value-reader.ts";

const hasProperty = coerceNodeId("i=46");
const currentWrite = 2;

/** One node that browsing found. */
export interface Found {
  readonly id: NodeId;
  /** Segments from where browsing began. */
  readonly path: readonly string[];
  readonly nodeClass: number;
  readonly parent: NodeId;
}

export interface DescribeOptions {
  readonly space: AddressSpace;
  readonly types: DataTypes;
  readonly reader: ValueReader;
}

/** Variables as tags that a mapping could have: type, value, unit, whether they can be written. */
export async function describeVariables(
  found: readonly Found[],
  { space, types, reader }: DescribeOptions,
  signal: AbortSignal,
): Promise<BrowsedTag[]> {
  if (found.length === 0) return [];
  const ids = found.map(({ id }) => id);
  const attribute = (which: AttributeIds) => space.read(ids, signal, { attribute: which });
  const values = await attribute(AttributeIds.Value);
  const dataTypes = await attribute(AttributeIds.DataType);
  const ranks = await attribute(AttributeIds.ValueRank);
  const access = await attribute(AttributeIds.UserAccessLevel);
  const descriptions = await attribute(AttributeIds.Description);
  const units = await unitsOf(ids, space, signal);
  const tags: BrowsedTag[] = [];
  for (const [index, { id, path }] of found.entries()) {
    const dataType: unknown = dataTypes[index]?.value?.value;
    const builtIn = dataType instanceof NodeId ? await types.builtIn(dataType, signal) : "";
    const rank: unknown = ranks[index]?.value?.value;
    // A type that a mapping has no name for is taken as it comes, and can't be written.
    const type = (rank === -1 ? typeOfBuiltIn(builtIn) : undefined) ?? "json";
    const level: unknown = access[index]?.value?.value;
    const writable = typeof level === "number" && (level & currentWrite) !== 0 && type !== "json";
    const node = space.address(id);
    const entry: { [key: string]: JsonValue } = { node, type };
    if (writable) entry["write"] = {};
    const data = values[index];
    const name = path.join("/");
    const sample = data === undefined ? undefined : await reader.decode(asItComes(name), data);
    const status = isNameable(node) ? sample?.status : "BadNodeIdInvalid";
    const description = textOf(descriptions[index]);
    const unit = units[index];
    tags.push({
      name,
      entry,
      writable,
      ...(sample === undefined || sample.value === null ? {} : { value: sample.value }),
      ...(status === undefined ? {} : { status }),
      ...(unit === undefined ? {} : { unit }),
      ...(description === undefined ? {} : { description }),
    });
  }
  return tags;
}

/** Whatever it is, and whenever it was. */
function asItComes(tag: string): SampleRule {
  const spec = { kind: "json" } as const;
  return { tag, spec, timestamps: "source", now: () => 0, onBadTimestamp: () => undefined };
}

/** False for ids that a mapping can't say, such as an empty text or one that ends in a space. */
function isNameable(node: string): boolean {
  const address = parseNodeAddress(node);
  return address !== undefined && formatNodeAddress(address) === node;
}

/** The display names of the EngineeringUnits properties, OPC UA Part 8 §5.6.3. */
async function unitsOf(
  ids: readonly NodeId[],
  space: AddressSpace,
  signal: AbortSignal,
): Promise<readonly (string | undefined)[]> {
  const nodes = await space.children(ids, hasProperty, "EngineeringUnits", signal);
  const known = nodes.filter((node) => node !== undefined);
  const values = await space.read(known, signal);
  return nodes.map((node) => {
    if (node === undefined) return undefined;
    const data = values[known.indexOf(node)];
    const unit = (data?.value?.value as { displayName?: { text?: string | null } } | null | undefined)
      ?.displayName?.text;
    return unit ?? undefined;
  });
}

function textOf(data: DataValue | undefined): string | undefined {
  if (data === undefined || qualityOf(data.statusCode) === "bad") return undefined;
  const text: unknown = (data.value?.value as { text?: unknown } | null | undefined)?.text;
  return typeof text === "string" && text !== "" ? text : undefined;
}
