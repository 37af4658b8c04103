import type { BrowsedTag } from "../../src/adapter-kit/index.ts";
import { isWritable } from "./datatype.ts";
import type { WireMetric } from "./payload.ts";
import type { Scope } from "./scope.ts";
import { decodeValue } from "./value.ts";

/** What a birth certificate has beside the machine's own values (§6.4.19, §6.4.25). */
const protocolMetrics = /^(bdSeq$|Node Control\/|Device Control\/)/;

/** Every metric of a birth certificate that a mapping could name, each under a name of its own. */
export function* browsedTags({ birth, metrics }: Scope): Generator<BrowsedTag> {
  const taken = new Set<string>();
  for (const metric of birth.metrics) {
    const known = metric.name === undefined ? undefined : metrics.get(metric.name);
    if (known === undefined || protocolMetrics.test(known.name)) continue;
    const name = unusedName(tagName(known.name), taken);
    const { type } = known;
    yield {
      name,
      entry: { metric: known.name, ...(type === undefined ? {} : { type }) },
      // Sparkplug does not say what may be written.
      writable: type !== undefined && isWritable(type),
      ...foundValue(metric, type),
    };
  }
}

function foundValue(
  { isNull, value }: WireMetric,
  type: Parameters<typeof decodeValue>[0] | undefined,
): Pick<BrowsedTag, "value" | "status"> {
  if (isNull) return { value: null, status: "NullValue" };
  if (type === undefined) return { value: null, status: "UnknownType" };
  const decoded = value === undefined ? undefined : decodeValue(type, value);
  return decoded === undefined ? { value: null, status: "InvalidValue" } : { value: decoded };
}

/** `Line 1/Press/Ram Pressure` becomes `line-1/press/ram-pressure`. */
function tagName(metric: string): string {
  const segments = metric
    .toLowerCase()
    .split("/")
    .map((segment) => segment.replaceAll(/[^a-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, ""))
    .filter((segment) => segment !== "");
  // A tag can't end in `reply`: replies to writes go there.
  if (segments.at(-1) === "reply") segments.push("value");
  return segments.length === 0 ? "metric" : segments.join("/");
}

function unusedName(name: string, taken: Set<string>): string {
  let unused = name;
  for (let number = 2; taken.has(unused); number += 1) unused = `${name}-${number}`;
  taken.add(unused);
  return unused;
}
