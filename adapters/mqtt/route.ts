import {
  filledName,
  fromJson,
  pointerPath,
  sourceTimestamp,
  valueAt,
  wildcardsOf,
  type BadStatus,
  type Decoded,
  type JsonValueType,
  type PointerPath,
  type Sample,
  type TimestampUnit,
  type Wildcard,
} from "../../src/adapter-kit/index.ts";
import { placeholders, typeOf, type MqttTagMapping } from "./mapping.ts";
import { fromNumber, fromText } from "./value.ts";

/** A tag made ready for the messages of its topic filter. */
interface RoutedTag {
  readonly name: string;
  readonly template: boolean;
  readonly path: PointerPath;
  readonly type: JsonValueType;
  readonly payload: "json" | "number" | "text";
  readonly timestamp: { readonly path: PointerPath; readonly unit: TimestampUnit } | undefined;
}

/** All tags of one topic filter: one subscription, and one look into each message for all of them. */
export interface Route {
  readonly filter: string;
  readonly wildcards: readonly Wildcard[];
  readonly tags: readonly RoutedTag[];
  readonly json: boolean;
}

/** The tags by topic filter. */
export function routesOf(tags: readonly MqttTagMapping[]): Route[] {
  const byFilter = Map.groupBy(tags, (tag) => tag.options.address);
  return [...byFilter].map(([filter, mapped]) => ({
    filter,
    wildcards: wildcardsOf(filter),
    tags: mapped.map(routed),
    json: mapped.some(({ options }) => options.payload === "json"),
  }));
}

function routed({ name, options }: MqttTagMapping): RoutedTag {
  const { payload, pointer, timestamp } = options;
  return {
    name,
    template: placeholders(name).length > 0,
    path: pointerPath(pointer ?? ""),
    type: typeOf(options),
    payload,
    timestamp:
      timestamp === undefined ? undefined : { path: pointerPath(timestamp.pointer), unit: timestamp.unit },
  };
}

/** A message's payload, looked into once. */
export interface Content {
  /** Undefined where no tag needs it. */
  readonly document: unknown;
  readonly text: string;
  /** Why nothing can be made of it. */
  readonly bad?: BadStatus;
}

export interface SampleOptions {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** The message was kept by the broker: nobody knows how old it is, or whether its sender is still there. */
  readonly retained: boolean;
  /** The message does not come from the device: its broker speaks for it, or the gateway did. */
  readonly secondHand: boolean;
  /** A source timestamp that is none. */
  onBadTimestamp(): void;
}

/** One sample for each tag of the route that the message says something about. */
export function samplesOf(
  route: Route,
  parts: readonly string[],
  content: Content,
  options: SampleOptions,
): Sample[] {
  const samples: Sample[] = [];
  for (const tag of route.tags) {
    const decoded = decode(tag, content);
    const named = tag.template ? { tag: filledName(tag.name, parts), template: tag.name } : { tag: tag.name };
    if ("bad" in decoded) {
      // An old message that can't be read says nothing about the present.
      if (!options.retained) samples.push({ ...named, value: null, quality: "bad", status: decoded.bad });
      continue;
    }
    const at = timestampOf(tag, content, options);
    const time = at === undefined ? {} : { sourceTimestamp: at };
    const { value } = decoded;
    if (options.retained)
      samples.push({
        ...named,
        value,
        quality: "uncertain",
        status: "Retained",
        noSignOfLife: true,
        ...time,
      });
    else if (options.secondHand)
      samples.push({ ...named, value, quality: "good", noSignOfLife: true, ...time });
    else samples.push({ ...named, value, quality: "good", ...time });
  }
  return samples;
}

function decode(tag: RoutedTag, { bad, document, text }: Content): Decoded {
  if (bad !== undefined && (bad === "PayloadTooLarge" || tag.payload === "json")) return { bad };
  switch (tag.payload) {
    case "json":
      return fromJson(valueAt(document, tag.path), tag.type);
    case "number":
      return fromNumber(text, tag.type);
    case "text":
      return fromText(text, tag.type);
  }
}

function timestampOf(tag: RoutedTag, content: Content, options: SampleOptions): number | undefined {
  if (tag.timestamp === undefined) return undefined;
  const { path, unit } = tag.timestamp;
  const at = sourceTimestamp(valueAt(content.document, path), unit, options.now);
  if (at === undefined) options.onBadTimestamp();
  return at;
}
