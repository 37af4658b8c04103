import type { DataValue } from "node-opcua-data-value";
import { DataType, VariantArrayType, type Variant } from "node-opcua-variant";
import type { AdapterContext, FrameDirection, Sample, TagValue } from "../../src/adapter-kit/index.ts";
import type { OpcuaTag } from "./mapping.ts";
import { statusName } from "./status.ts";
import { valueOf } from "./variant-value.ts";

/** What a message says about one node, as recordings keep it. */
export interface TracedValue {
  /** As the mapping names it: a node id with its URI outlives a download. */
  readonly node: string;
  /** 64-bit integers as decimal strings; `NaN`, `Infinity` and `-Infinity` as strings. */
  readonly value: TagValue | null;
  /** The built-in type on the wire: `Double`, `Double[]`, `Double[2,3]`. */
  readonly type?: string | undefined;
  /** The status code's name; absent where it is Good. */
  readonly status?: string | undefined;
  /** ISO 8601. */
  readonly source?: string | undefined;
  readonly server?: string | undefined;
}

/** Keeps the values of one message as JSON: what went over the wire is encrypted, and of use to nobody. */
export function traceValues(
  context: AdapterContext,
  direction: FrameDirection,
  service: string,
  values: readonly TracedValue[],
): void {
  context.trace(direction, service, Buffer.from(JSON.stringify(values, plain)));
}

/** What JSON has no form for, as text. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}`;
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

/** The name under which a tag's node stands in a trace. */
export function tracedName({ options }: OpcuaTag): string {
  return options.node ?? options.path ?? options.method ?? "";
}

/** A data value of a node and the sample that came of it, as a trace shows them. */
export function tracedValue(node: string, data: DataValue, sample: Sample): TracedValue {
  const { statusCode, sourceTimestamp, serverTimestamp } = data;
  const value = sample.value ?? (data.value ? valueOf(data.value) : null);
  return {
    node,
    value,
    type: data.value ? typeOf(data.value) : undefined,
    status: statusCode.value === 0 ? undefined : statusName(statusCode),
    source: sourceTimestamp?.toISOString(),
    server: serverTimestamp?.toISOString(),
  };
}

function typeOf({ dataType, arrayType, dimensions }: Variant): string | undefined {
  const name = DataType[dataType];
  if (dataType === DataType.Null) return undefined;
  if (arrayType === VariantArrayType.Scalar) return name;
  return arrayType === VariantArrayType.Array ? `${name}[]` : `${name}[${(dimensions ?? []).join(",")}]`;
}
