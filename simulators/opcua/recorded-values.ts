import type { Frame } from "../../src/trace/frame.ts";
import type { TagValue } from "../../src/domain/reading.ts";

/** What a variable became at a time of the recording. */
export interface RecordedChange {
  /** Milliseconds since the recording's start: when it happened in the device, as far as that can be told. */
  readonly at: number;
  /** As the mapping names it. */
  readonly node: string;
  readonly value: TagValue | null;
  /** `Double`, `Double[]`, `Double[2,3]`; absent where there was no value. */
  readonly type: string | undefined;
  /** The status code's name. */
  readonly status: string;
  /** Milliseconds since the Unix epoch. */
  readonly source: number | undefined;
}

interface Told {
  readonly node: string;
  readonly value: TagValue | null;
  readonly type: string | undefined;
  readonly status: string;
  readonly source: number | undefined;
}

/**
 * The changes of a recording, in their order. A message may bring several values of a variable, from between two
 * publishings: by their source timestamps they are set as far apart as they were, the newest at the message's time,
 * whatever the difference between the clocks of device and gateway.
 */
export function changesOf(frames: readonly Frame[]): readonly RecordedChange[] {
  const changes: RecordedChange[] = [];
  let before = 0;
  for (const { t, direction, channel, bytes, length } of frames) {
    if (direction !== "received" || length !== undefined) continue;
    if (channel !== "Publish" && channel !== "Read") continue;
    const told = toldIn(bytes);
    const newest = Math.max(...told.map(({ source }) => source ?? Number.NEGATIVE_INFINITY));
    for (const one of told) {
      const age = one.source === undefined ? 0 : newest - one.source;
      // What stood long before the message is no change between it and the one before.
      changes.push({ ...one, at: Math.max(Math.min(before, t), t - age) });
    }
    before = t;
  }
  return changes.sort((one, other) => one.at - other.at);
}

function toldIn(bytes: Buffer): readonly Told[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString());
  } catch {
    return [];
  }
  return Array.isArray(parsed) ? parsed.flatMap((one: unknown) => toldOf(one)) : [];
}

function toldOf(entry: unknown): readonly Told[] {
  if (typeof entry !== "object" || entry === null) return [];
  const { node, value, type, status, source } = entry as Readonly<Record<string, unknown>>;
  if (typeof node !== "string") return [];
  const time = typeof source === "string" ? Date.parse(source) : Number.NaN;
  return [
    {
      node,
      value: (value ?? null) as TagValue | null,
      type: typeof type === "string" ? type : undefined,
      status: typeof status === "string" ? status : "Good",
      source: Number.isNaN(time) ? undefined : time,
    },
  ];
}
