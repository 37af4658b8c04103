import {
  fromJson,
  parseJson,
  plainJson,
  pointerPath,
  sourceTimestamp,
  valueAt,
  type BadStatus,
  type DeviceEvent,
  type ImageReference,
  type JsonValue,
  type PointerPath,
  type Sample,
  type TimestampUnit,
  type WatchedReading,
} from "../../src/adapter-kit/index.ts";
import { typeOf, type CameraTagMapping, type EventOptions, type TimestampOptions } from "./mapping.ts";

/** A result beyond this is not looked into: JSON is parsed in one go. */
const mostResultBytes = 1_048_576;

/** One inspection result, looked into once. */
export interface Content {
  readonly document: unknown;
  /** Why nothing can be made of it. */
  readonly bad?: BadStatus;
}

/** A result as it came over the wire. */
export function contentOf(bytes: Uint8Array): Content {
  if (bytes.length > mostResultBytes) return { document: undefined, bad: "PayloadTooLarge" };
  try {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
    return { document: parseJson(text) };
  } catch {
    return { document: undefined, bad: "MalformedPayload" };
  }
}

interface TimePointer {
  readonly path: PointerPath;
  readonly unit: TimestampUnit;
}

/** A tag made ready for results. */
export interface ResultTag {
  readonly name: string;
  readonly path: PointerPath;
  readonly type: ReturnType<typeof typeOf>;
  readonly timestamp: TimePointer | undefined;
}

/** The tags that are parts of results, not images. */
export function resultTags(tags: readonly CameraTagMapping[]): ResultTag[] {
  return tags
    .filter(({ options }) => !options.image)
    .map(({ name, options }) => ({
      name,
      path: pointerPath(options.pointer ?? ""),
      type: typeOf(options),
      timestamp: timePointer(options.timestamp),
    }));
}

export interface Judging {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** A source timestamp that is none. */
  onBadTimestamp(): void;
}

/** One sample for each tag. */
export function samplesOf(tags: readonly ResultTag[], content: Content, judging: Judging): Sample[] {
  return tags.map(({ name, path, type, timestamp }): Sample => {
    if (content.bad !== undefined) return badSample(name, content.bad);
    const decoded = fromJson(valueAt(content.document, path), type);
    if ("bad" in decoded) return badSample(name, decoded.bad);
    const at = timeIn(content.document, timestamp, judging);
    return {
      tag: name,
      value: decoded.value,
      quality: "good",
      ...(at === undefined ? {} : { sourceTimestamp: at }),
    };
  });
}

export function badSample(tag: string, status: string): Sample {
  return { tag, value: null, quality: "bad", status };
}

/** What set an inspection off, where a tag did. */
export interface Trigger extends Pick<WatchedReading, "timestamp"> {
  readonly tag: string;
  readonly value: JsonValue;
}

export interface Inspection {
  readonly content: Content | undefined;
  /** Null where it was wanted and is not to be had. */
  readonly image?: ImageReference | null | undefined;
  readonly trigger?: Trigger | undefined;
}

/** The event of one inspection. */
export function eventOf(options: EventOptions, inspection: Inspection, judging: Judging): DeviceEvent {
  const { content, image, trigger } = inspection;
  const document = content?.document;
  const at = document === undefined ? undefined : timeIn(document, timePointer(options.timestamp), judging);
  const result = (value: unknown) => (value === undefined ? null : (plainJson(value) ?? null));
  const fields =
    options.fields === undefined
      ? { result: result(document) }
      : Object.fromEntries(
          Object.entries(options.fields).map(([name, pointer]) => [
            name,
            result(valueAt(document, pointerPath(pointer))),
          ]),
        );
  const timestamp = at ?? trigger?.timestamp;
  return {
    name: options.name,
    ...(timestamp === undefined ? {} : { timestamp }),
    data: {
      ...fields,
      ...(content?.bad === undefined ? {} : { status: content.bad }),
      ...(image === undefined ? {} : { image: image === null ? null : { ...image } }),
      ...(trigger === undefined ? {} : { trigger: { ...trigger } }),
    },
  };
}

function timePointer(options: TimestampOptions | undefined): TimePointer | undefined {
  return options === undefined ? undefined : { path: pointerPath(options.pointer), unit: options.unit };
}

function timeIn(document: unknown, at: TimePointer | undefined, judging: Judging): number | undefined {
  if (at === undefined) return undefined;
  const found = sourceTimestamp(valueAt(document, at.path), at.unit, judging.now);
  if (found === undefined) judging.onBadTimestamp();
  return found;
}
