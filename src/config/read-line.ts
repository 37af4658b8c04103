import type { ValueSpec } from "../adapter-kit/mapping.ts";
import { ms } from "../domain/duration.ts";
import type { JsonValue } from "../domain/reading.ts";
import type { StationEntry } from "./line-schema.ts";
import type { After, Completion, Condition, Prepare, Publication, StationConfig } from "./line.ts";

const usualMost = 100;

/** A station as the gateway takes it: defaults filled in, one form for what can be written in several. */
export function toStation(
  name: string,
  entry: StationEntry,
  valueOf: (tag: string) => ValueSpec | undefined,
): StationConfig {
  const { complete, part, after, buffer, ready, confirm, within } = entry;
  const completion = complete === undefined ? undefined : toCompletion(complete, valueOf(complete.tag));
  return {
    name,
    ...(completion === undefined ? {} : { complete: completion }),
    ...(part === undefined ? {} : { part }),
    ...(after === undefined ? {} : { after: toAfter(after) }),
    ...(buffer === undefined ? {} : { buffer }),
    ready: ready.map(toCondition),
    prepare: toPrepare(entry.prepare),
    ...(confirm === undefined ? {} : { confirm: { ...toCondition(confirm), within: ms(confirm.within) } }),
    ...(within === undefined ? {} : { within }),
  };
}

function toCompletion(
  { tag, edge, equals, reaches, rearm, rollover, most }: NonNullable<StationEntry["complete"]>,
  value: ValueSpec | undefined,
): Completion {
  if (edge !== undefined) return { tag, kind: "edge", edge };
  if (equals !== undefined) return { tag, kind: "equals", equals };
  if (reaches !== undefined) return { tag, kind: "reaches", reaches, rearm: rearm ?? reaches };
  const modulus = rollover?.toString() ?? typeRollover(value);
  return {
    tag,
    kind: "counter",
    most: most ?? usualMost,
    ...(modulus === undefined ? {} : { rollover: modulus }),
  };
}

/** An unsigned counter begins at 0 again when its type is full. */
function typeRollover(value: ValueSpec | undefined): string | undefined {
  return value?.kind === "integer" && value.min === 0n ? (value.max + 1n).toString() : undefined;
}

function toAfter(after: NonNullable<StationEntry["after"]>): After {
  if (typeof after === "string") return { mode: "all", stations: [after], initial: {} };
  const { all, any, initial } = after;
  return all === undefined
    ? { mode: "any", stations: [...new Set(any)], initial }
    : { mode: "all", stations: [...new Set(all)], initial };
}

function toCondition({ tag, is, isNot, above, below }: StationEntry["ready"][number]): Condition {
  return {
    tag,
    ...(is === undefined ? {} : { is }),
    ...(isNot === undefined ? {} : { isNot }),
    ...(above === undefined ? {} : { above }),
    ...(below === undefined ? {} : { below }),
  };
}

function toPrepare({ repeat, write, publish }: StationEntry["prepare"]): Prepare {
  const writes = toWrites(write);
  const publications = publish.map(toPublication);
  const alone = writes.length + publications.length === 0;
  return { repeat: repeat ?? (alone ? "safe" : "ask"), writes, publications };
}

/** Values by tag. What was parsed from YAML is JSON all the way down. */
export function toWrites(
  write: Readonly<Record<string, unknown>>,
): readonly { readonly tag: string; readonly value: JsonValue }[] {
  return Object.entries(write).map(([tag, value]) => ({ tag, value: value as JsonValue }));
}

export function toPublication({
  topic,
  subject,
  payload,
}: StationEntry["prepare"]["publish"][number]): Publication {
  return {
    to: topic === undefined ? "nats" : "mqtt",
    name: topic ?? subject ?? "",
    payload: payload as JsonValue,
  };
}
