import type {
  AdapterContext,
  BrokerMessage,
  BrowsedTag,
  BrowseOptions,
  JsonValueType,
  TagValue,
} from "../../src/adapter-kit/index.ts";
import { isSegment, parseJson, plainJson, plainText } from "../../src/adapter-kit/index.ts";
import type { MqttDeviceMapping } from "./mapping.ts";

/** How long is listened where nobody says: most devices send their state within it. */
const usualListenMs = 10_000;
/** A broker full of topics must not fill the memory. */
const mostTags = 5_000;
const mostPayloadBytes = 262_144;
/** Arrays are lists of like things more often than tables of tags. */
const mostItems = 8;

/**
 * Listens for a while and gives what was heard: each topic, and for JSON payloads each value in it by its JSON Pointer.
 * `from` is a topic filter; without it those of the device's tags, or all there is where it has none.
 */
export async function* browseTopics(
  device: MqttDeviceMapping,
  { from, depth, listenMs = usualListenMs }: BrowseOptions,
  { broker, clock }: Pick<AdapterContext, "broker" | "clock">,
  signal: AbortSignal,
): AsyncIterable<BrowsedTag> {
  const found = new Map<string, BrowsedTag>();
  const take = ({ topic, payload }: BrokerMessage) => {
    for (const tag of tagsIn(topic, payload, depth ?? Number.POSITIVE_INFINITY)) {
      const key = `${topic}\n${plainText(tag.entry["pointer"])}`;
      if (found.size < mostTags || found.has(key)) found.set(key, tag);
    }
  };
  const mapped = [...new Set(device.tags.map(({ options }) => options.address))];
  const filters = from !== undefined ? [from] : mapped.length > 0 ? mapped : ["#"];
  const stops = filters.map((filter) => broker.subscribe(filter, take));
  try {
    await clock.sleep(listenMs, signal);
  } finally {
    for (const stop of stops) stop();
  }
  const names = new Set<string>();
  for (const tag of found.values()) yield { ...tag, name: unique(tag.name, names) };
}

function tagsIn(topic: string, payload: Buffer, depth: number): readonly BrowsedTag[] {
  const base = { writable: false } as const;
  const name = nameOf(topic.split("/"));
  if (payload.length > mostPayloadBytes) {
    return [{ ...base, name, entry: { address: topic }, status: "PayloadTooLarge" }];
  }
  const text = payload.toString();
  try {
    return leavesOf(parseJson(text), [], depth).map(({ keys, value, type }) => ({
      ...base,
      name: nameOf([...topic.split("/"), ...keys]),
      entry: {
        address: topic,
        ...(keys.length === 0 ? {} : { pointer: keys.map(pointerKey).join("") }),
        type,
      },
      value,
    }));
  } catch {
    return [{ ...base, name, entry: { address: topic, payload: "text" }, value: text.slice(0, 200) }];
  }
}

interface Leaf {
  readonly keys: readonly string[];
  readonly value: TagValue;
  readonly type: JsonValueType;
}

function leavesOf(value: unknown, keys: readonly string[], depth: number): readonly Leaf[] {
  if (typeof value === "number") return [{ keys, value, type: "float" }];
  if (typeof value === "bigint") return [{ keys, value, type: value < 2n ** 63n ? "int64" : "uint64" }];
  if (typeof value === "boolean") return [{ keys, value, type: "bool" }];
  if (typeof value === "string") return [{ keys, value, type: "string" }];
  if (typeof value !== "object" || value === null) return [];
  const entries = Object.entries(value);
  if (keys.length >= depth || (Array.isArray(value) && entries.length > mostItems)) {
    return [{ keys, value: JSON.stringify(plainJson(value) ?? null).slice(0, 200), type: "json" }];
  }
  return entries.flatMap(([key, inner]) => leavesOf(inner, [...keys, key], depth));
}

/** RFC 6901 §3. */
function pointerKey(key: string): string {
  return `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

function nameOf(levels: readonly string[]): string {
  const segments = levels.filter((level) => level !== "");
  return segments
    .map((level) => (isSegment(level) ? level : level.replaceAll(/[^A-Za-z0-9_-]+/g, "-")))
    .join("/");
}

function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let number = 2; taken.has(free); number += 1) free = `${name}-${number}`;
  taken.add(free);
  return free;
}
