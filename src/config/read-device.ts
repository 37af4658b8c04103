import type { Deadband, DeviceMapping, TagMapping } from "../adapter-kit/mapping.ts";
import type { AdapterSchema, Medium } from "../adapter-kit/schema.ts";
import { ms, type Duration } from "../domain/duration.ts";
import type { ListenAddress } from "../domain/listen-address.ts";
import { deviceSchema, type DeviceEntry } from "./device-schema.ts";
import type { MergedDevice } from "./merge-device.ts";
import type { Mistakes } from "./mistakes.ts";
import { pollGroups, unknownGroup, type PollGroups } from "./poll-groups.ts";
import {
  isBelow,
  isSound,
  isWhole,
  keyPlace,
  sourceAt,
  valuePlace,
  type Source,
  type SourcePath,
} from "./source.ts";
import { checkTag, checkTagName } from "./tag-rules.ts";
import { defaultStale, republishOf, tagSchema, type TagEntry } from "./tag-schema.ts";
import { toUploadRule } from "./read-upload.ts";
import type { UploadRule } from "./upload.ts";
import { checkUploadEntry } from "./upload-rules.ts";
import { validate } from "./validate.ts";
import { checkWriteEntry, toWriteRule } from "./write-rules.ts";

/** A device as far as its file could be understood. */
export interface ReadDevice {
  readonly mapping: DeviceMapping;
  readonly source: Source;
  /** Names the device on its medium; undefined where that is not known for certain. */
  readonly endpoint: string | undefined;
  readonly medium: Medium | undefined;
  /** Where the gateway would listen for it. */
  readonly listens: ListenAddress | undefined;
  /** The `upload` entries of its tags, by the tag's name. */
  readonly uploads: ReadonlyMap<string, UploadRule>;
}

interface DeviceReading {
  readonly adapter: AdapterSchema;
  readonly source: Source;
  readonly entry: DeviceEntry;
  readonly options: Readonly<Record<string, unknown>>;
  readonly groups: PollGroups;
  /** False where some poll groups may not have been read. */
  readonly groupsKnown: boolean;
  readonly tagsRead: boolean;
  readonly mistakes: Mistakes;
  readonly uploads: Map<string, UploadRule>;
}

/** Validates one device with its profile and CSV already merged in; undefined where too little of it is right. */
export function readDevice(device: MergedDevice, mistakes: Mistakes): ReadDevice | undefined {
  const { adapter } = device;
  if (adapter === undefined) return undefined;
  const { source, tagsRead, profileRead } = device;
  const tags = sourceAt(source, "tags");
  if (tagsRead && tags?.kind === "map" && tags.entries.size === 0) {
    mistakes.add(keyPlace(source, ["tags"]), ["tags"], {
      message: "the device has no tags",
      allowed: "at least one tag",
    });
  }
  const validated = validate(deviceSchema(adapter), source, [], mistakes, !profileRead);
  // The tags are checked all the same: their mistakes do not hang on the device's.
  const entry = (validated?.value ?? {}) as unknown as DeviceEntry;
  const options = pick(entry, Object.keys(adapter.options.shape));
  const groups = pollGroups(entry.poll);
  const leftOut = validated?.leftOut ?? [];
  const groupsKnown = profileRead && isSound(leftOut, ["poll"]);
  const uploads = new Map<string, UploadRule>();
  const known = { adapter, source, entry, options, groups, groupsKnown, tagsRead };
  const reading: DeviceReading = { ...known, mistakes, uploads };
  const read = readTags(reading, tags, validated !== undefined);
  if (validated === undefined) return undefined;
  const mapping = toDevice(reading, read.tags);
  const sound = mistakes.except([...leftOut, ...read.leftOut]);
  const judged = { ...mapping, tags: read.tags.filter((tag) => !read.madeUp.has(tag.name)) };
  for (const issue of adapter.check?.(judged) ?? []) {
    const { path, ...problem } = issue;
    sound.add(valuePlace(source, path), path, problem);
  }
  const sure = profileRead && isSound(leftOut, ["connection"]);
  return {
    mapping,
    source,
    endpoint: profileRead ? endpointOf(reading, leftOut) : undefined,
    medium: sure ? adapter.medium?.(entry.connection) : undefined,
    listens: sure ? adapter.listens?.(entry.connection) : undefined,
    uploads,
  };
}

/** Undefined where it hangs on a part that was left out. */
function endpointOf(reading: DeviceReading, leftOut: readonly SourcePath[]): string | undefined {
  const { adapter, entry, options } = reading;
  if (!isSound(leftOut, ["connection"])) return undefined;
  let sure = true;
  const watched = <T>(value: T, under: SourcePath): T => {
    if (typeof value !== "object" || value === null) return value;
    return new Proxy(value, {
      get: (target, key) => {
        if (leftOut.some((one) => isBelow(one, [...under, String(key)]))) sure = false;
        return Reflect.get(target, key) as unknown;
      },
    });
  };
  const endpoint = adapter.endpoint?.(watched(entry.connection, ["connection"]), watched(options, []));
  return sure ? endpoint : undefined;
}

function pick(from: Readonly<Record<string, unknown>>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]]));
}

function toDevice(reading: DeviceReading, tags: readonly TagMapping[]): DeviceMapping {
  const { adapter, entry, options } = reading;
  const byAdapter = adapter.silence?.(entry.connection);
  const silence = entry.silence ?? (byAdapter === undefined ? undefined : ms(byAdapter));
  return {
    device: entry.device,
    adapter: adapter.name,
    connection: entry.connection,
    options,
    ...(silence === undefined || silence === "never" ? {} : { silence }),
    tags,
  };
}

interface ReadTags {
  readonly tags: readonly TagMapping[];
  readonly leftOut: readonly SourcePath[];
  /** Names of tags that something had to be made up for: too little is known to judge them as a whole. */
  readonly madeUp: ReadonlySet<string>;
}

function readTags(reading: DeviceReading, tags: Source | undefined, deviceKnown: boolean): ReadTags {
  const read: TagMapping[] = [];
  const leftOut: SourcePath[] = [];
  const madeUp = new Set<string>();
  if (tags?.kind !== "map") return { tags: read, leftOut, madeUp };
  const schema = tagSchema(reading.adapter);
  for (const name of tags.entries.keys()) {
    const path = ["tags", name];
    const misnamed = checkTagName(name, reading.adapter.templates);
    if (misnamed !== undefined) reading.mistakes.add(keyPlace(reading.source, path), path, misnamed);
    const validated = validate(schema, reading.source, path, reading.mistakes, !reading.tagsRead);
    if (validated === undefined) continue;
    leftOut.push(...validated.leftOut.map((below) => [...path, ...below]));
    if (validated.madeUp.length > 0) madeUp.add(name);
    const typed = !validated.leftOut.some(([key = ""]) => key in reading.adapter.tag.shape);
    const banded = ["deadband", "deadbandPercent"].every((key) => isSound(validated.leftOut, [key]));
    const { leftOut: missing } = validated;
    const known = { device: deviceKnown, type: typed, deadband: banded, leftOut: missing };
    const tag = toTag(reading, name, validated.value as unknown as TagEntry, known);
    if (tag !== undefined) read.push(tag);
  }
  return { tags: read, leftOut, madeUp };
}

/** What was sound, so that rules may judge by it. */
interface Known {
  readonly device: boolean;
  readonly type: boolean;
  readonly deadband: boolean;
  /** Paths below the tag. */
  readonly leftOut: readonly SourcePath[];
}

function toTag(reading: DeviceReading, name: string, tag: TagEntry, known: Known): TagMapping | undefined {
  const { adapter, groups, mistakes, source } = reading;
  const path: SourcePath = ["tags", name];
  const polled = adapter.polled && polls(reading, tag, known);
  if (adapter.polled && !polled && tag.poll !== undefined) {
    const where = [...path, "poll"];
    mistakes.add(keyPlace(source, where), where, {
      message: "poll has no meaning for a tag that is not polled",
      allowed: "poll on polled tags only",
    });
  }
  const poll = polled ? (tag.poll === undefined ? groups.usual : groups.byName.get(tag.poll)) : undefined;
  // A group whose interval is wrong is there all the same.
  const declared = tag.poll !== undefined && sourceAt(source, "poll", tag.poll) !== undefined;
  if (polled && poll === undefined && tag.poll !== undefined && reading.groupsKnown && !declared) {
    const where = [...path, "poll"];
    mistakes.add(valuePlace(source, where), where, unknownGroup(tag.poll, groups));
  }
  // A tag's type may hang on the device's own keys: without them nothing more can be said.
  if (!known.device) return undefined;
  const options = pick(tag, Object.keys(adapter.tag.shape));
  const value = adapter.value(options, reading.options);
  const answers = adapter.answers?.(options) ?? false;
  const ofWrite = tag.write !== undefined && known.type ? checkWriteEntry(tag.write, value, answers) : [];
  const ofUpload =
    tag.upload === undefined ? [] : checkUploadEntry(tag.upload, known.type ? value : undefined, ["upload"]);
  const sound = [...ofWrite, ...ofUpload].filter(({ path }) => isWhole(known.leftOut, path));
  if (tag.upload !== undefined) reading.uploads.set(name, toUploadRule(tag.upload));
  for (const { path: below, at, problem } of [...checkTag(tag, known.type ? value : undefined), ...sound]) {
    if (!known.deadband && below[0] === "republish") continue;
    const where = [...path, ...below];
    mistakes.add(at === "key" ? keyPlace(source, where) : valuePlace(source, where), where, problem);
  }
  const deadband = toDeadband(tag);
  const durable = adapter.durable?.(options, reading.entry.connection);
  const byAdapter = adapter.stale?.(options, reading.entry.connection);
  const stale = toStale(
    tag,
    reading.entry,
    byAdapter === undefined ? defaultStale(poll?.interval) : ms(byAdapter),
  );
  return {
    name,
    options,
    value,
    scale: tag.scale ?? 1,
    offset: tag.offset ?? 0,
    ...(tag.unit === undefined ? {} : { unit: tag.unit }),
    ...(tag.description === undefined ? {} : { description: tag.description }),
    ...(poll === undefined ? {} : { poll }),
    ...(deadband === undefined ? {} : { deadband }),
    ...(stale === undefined ? {} : { stale }),
    ...(durable === undefined ? {} : { durable }),
    ...(tag.write === undefined ? {} : { write: toWriteRule(tag.write, adapter, answers) }),
  };
}

/** Not every tag of a polled protocol is: some come by themselves. */
/** Whether a tag is polled may hang on keys that were left out: then it counts as polled. */
function polls({ adapter, entry, options }: DeviceReading, tag: TagEntry, known: Known): boolean {
  if (adapter.polls === undefined || !known.device || !known.type) return true;
  return adapter.polls(pick(tag, Object.keys(adapter.tag.shape)), entry.connection, options);
}

function toDeadband(tag: TagEntry): Deadband | undefined {
  const republish = republishOf(tag);
  if (tag.deadband !== undefined) return { kind: "absolute", band: tag.deadband, republish };
  if (tag.deadbandPercent !== undefined) return { kind: "percent", band: tag.deadbandPercent, republish };
  return undefined;
}

function toStale(tag: TagEntry, device: DeviceEntry, usual: Duration | undefined): Duration | undefined {
  const stale = tag.stale ?? device.stale ?? usual;
  return stale === "never" ? undefined : stale;
}
