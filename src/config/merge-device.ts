import type { AdapterSchema } from "../adapter-kit/schema.ts";
import { nearestName } from "../domain/nearest.ts";
import { readCsvTags } from "./csv-tags.ts";
import { anyDeviceSchema } from "./device-schema.ts";
import type { Mistakes } from "./mistakes.ts";
import type { SiteFolder } from "./site-folder.ts";
import {
  emptyMap,
  keyPlace,
  mergeSources,
  sourceAt,
  valuePlace,
  withKey,
  withoutKey,
  type Source,
  type SourcePath,
} from "./source.ts";
import { tagSchema } from "./tag-schema.ts";
import { validate } from "./validate.ts";

/** The declarative half of the protocols there are. */
export type SchemaRegistry = Readonly<Record<string, { schema(): Promise<AdapterSchema> }>>;

/** One device file with its profile and its CSV files merged in. */
export interface MergedDevice {
  readonly file: string;
  readonly source: Source;
  /** Undefined where its protocol is not known for a mistake. */
  readonly adapter: AdapterSchema | undefined;
  /** False where there is a profile that could not be read; why is told. */
  readonly profileRead: boolean;
  /** False where the tags, or some of them, could not be read at all; why is told. */
  readonly tagsRead: boolean;
}

interface Merging {
  readonly folder: SiteFolder;
  readonly registry: SchemaRegistry;
  readonly mistakes: Mistakes;
  /** No tags are no mistake: somebody is about to look what there is. */
  readonly tagless?: boolean | undefined;
}

/** Reads one device file, its profile and its CSV files; undefined where nothing of the device file can be read. */
export async function mergeDevice(file: string, merging: Merging): Promise<MergedDevice | undefined> {
  const own = await readMap(file, merging);
  if (own === undefined) return undefined;
  const found = await readProfile(own, file, merging);
  const profileRead = found !== "broken";
  const profile = found === "broken" ? undefined : found;
  const merged = respell(
    profile === undefined ? own : mergeSources(withoutKey(profile.source, "profile"), own),
    merging.mistakes,
  );
  const adapter = await findAdapter(merged, merging);
  if (adapter === undefined) {
    validate(anyDeviceSchema, withoutKey(merged, "tags"), [], merging.mistakes, !profileRead);
  }
  const ownTags = await readTags(own, file, adapter, merging);
  const sharedTags = profile && (await readTags(profile.source, profile.file, adapter, merging));
  const read = [sharedTags, ownTags].filter((tags) => tags !== undefined && tags !== "broken");
  const broken = ownTags === "broken" || sharedTags === "broken";
  const none = broken || merging.tagless === true ? emptyMap(valuePlace(merged, ["tags"])) : undefined;
  const tags = read.length === 0 ? none : read.reduce(mergeSources);
  const untagged = merging.tagless === true && tags?.kind === "map" && tags.entries.size === 0;
  return {
    file,
    source: tags === undefined ? merged : withKey(merged, "tags", tags),
    adapter,
    profileRead,
    tagsRead: profileRead && !broken && !untagged,
  };
}

async function readMap(file: string, { folder, mistakes }: Merging): Promise<Source | undefined> {
  const read = await folder.text(file);
  if ("reason" in read) {
    mistakes.add({ file, line: 1, column: 1 }, [], { message: read.reason, allowed: "a YAML file" });
    return undefined;
  }
  const source = await folder.yaml(file);
  if (source === undefined || source.kind === "map") return source;
  mistakes.add(source.place, [], {
    message:
      source.kind === "scalar" && source.value === null ? "the file is empty" : "the file is no map of keys",
    allowed: "keys such as device, adapter, connection, tags",
  });
  return undefined;
}

async function readProfile(
  own: Source,
  file: string,
  merging: Merging,
): Promise<{ file: string; source: Source } | "broken" | undefined> {
  const named = sourceAt(own, "profile");
  if (named === undefined) return undefined;
  // What is no text is told by the device's schema.
  if (named.kind !== "scalar" || typeof named.value !== "string") return "broken";
  const profileFile = merging.folder.pathFrom(file, named.value);
  const missing = await missingReason(profileFile, merging);
  if (missing !== undefined) {
    tellMissing(own, ["profile"], profileFile, missing, merging.mistakes);
    return "broken";
  }
  const source = await readMap(profileFile, merging);
  if (source === undefined) return "broken";
  for (const [key, allowed] of profileFree) {
    if (sourceAt(source, key) === undefined) continue;
    merging.mistakes.add(keyPlace(source, [key]), [key], { message: `a profile has no key ${key}`, allowed });
  }
  return { file: profileFile, source: withoutKey(source, "device") };
}

const profileFree = [
  ["device", "device in the device's own file"],
  ["profile", "one profile a device, named in the device's own file"],
] as const;

async function missingReason(file: string, { folder }: Merging): Promise<string | undefined> {
  const read = await folder.text(file);
  return "reason" in read ? read.reason : undefined;
}

function tellMissing(
  source: Source,
  path: SourcePath,
  file: string,
  reason: string,
  mistakes: Mistakes,
): void {
  mistakes.add(valuePlace(source, path), path, {
    message: `${file}: ${reason}`,
    allowed: "a file; its path is relative to the file that names it",
  });
}

/** A device is judged by its adapter's rules: where that key is misspelt, what stands under it is taken all the same. */
function respell(source: Source, mistakes: Mistakes): Source {
  if (source.kind !== "map" || source.entries.has("adapter")) return source;
  for (const [key, { value }] of source.entries) {
    if (nearestName(key, ["adapter"]) === undefined) continue;
    mistakes.add(keyPlace(source, [key]), [key], {
      message: `unknown key "${key}"`,
      allowed: "adapter",
      meant: "adapter",
    });
    return withKey(withoutKey(source, key), "adapter", value);
  }
  return source;
}

async function findAdapter(
  merged: Source,
  { registry, mistakes }: Merging,
): Promise<AdapterSchema | undefined> {
  const named = sourceAt(merged, "adapter");
  const name = named?.kind === "scalar" ? named.value : undefined;
  if (typeof name !== "string") return undefined;
  const registered = Object.hasOwn(registry, name) ? registry[name] : undefined;
  if (registered !== undefined) return registered.schema();
  const known = Object.keys(registry);
  mistakes.add(valuePlace(merged, ["adapter"]), ["adapter"], {
    message: `there is no adapter ${JSON.stringify(name)}`,
    allowed: known.join(", "),
    meant: nearestName(name, known),
  });
  return undefined;
}

/** The tags of one file: its own map, or the CSV it names; undefined where it has none. */
async function readTags(
  source: Source,
  file: string,
  adapter: AdapterSchema | undefined,
  merging: Merging,
): Promise<Source | "broken" | undefined> {
  const tags = sourceAt(source, "tags");
  if (tags === undefined || tags.kind === "map") return tags;
  if (tags.kind === "scalar" && tags.told === true) return "broken";
  if (tags.kind === "scalar" && tags.value === null && merging.tagless === true) return undefined;
  if (tags.kind !== "scalar" || typeof tags.value !== "string") {
    merging.mistakes.add(valuePlace(source, ["tags"]), ["tags"], {
      message: tags.kind === "scalar" && tags.value === null ? "the device has no tags" : "these are no tags",
      allowed: "a map of tags by name, or the name of a CSV file",
    });
    return "broken";
  }
  const csvFile = merging.folder.pathFrom(file, tags.value);
  const read = await merging.folder.text(csvFile);
  if ("reason" in read) {
    tellMissing(source, ["tags"], csvFile, read.reason, merging.mistakes);
    return "broken";
  }
  if (adapter === undefined) return "broken";
  return readCsvTags(read.text, csvFile, tagSchema(adapter), merging.mistakes) ?? "broken";
}
