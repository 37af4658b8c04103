import type { AdapterContext, FrameDirection, Sample, TagValue } from "../../src/adapter-kit/index.ts";

/** What a message says about one node. */
export interface TracedValue {
  readonly node: string;
  readonly value: TagValue | null;
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
  const text = JSON.stringify(values, (_key, value: unknown) =>
    typeof value === "bigint" ? `${value}` : value,
  );
  context.trace(direction, service, Buffer.from(text));
}

/** A sample and its node as a trace shows them. */
export function tracedSample(node: string, sample: Sample): TracedValue {
  const { value, status, sourceTimestamp } = sample;
  const source = sourceTimestamp === undefined ? undefined : new Date(sourceTimestamp).toISOString();
  return { node, value, status, source };
}
