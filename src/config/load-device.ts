import { existsSync } from "node:fs";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import type { AdapterSchema } from "../adapter-kit/schema.ts";
import { adapterRegistry } from "../adapter-registry.ts";
import { GatewayError } from "../domain/errors.ts";
import { nearestName } from "../domain/nearest.ts";
import type { JsonValue } from "../domain/reading.ts";
import { gatewaySchema, type GatewayConfig } from "./gateway-schema.ts";
import { mergeDevice, type MergedDevice } from "./merge-device.ts";
import { Mistakes } from "./mistakes.ts";
import { readDevice } from "./read-device.ts";
import { SiteFolder } from "./site-folder.ts";
import type { ConfigIssue } from "./site.ts";
import { mergeSources, plainValue, sourceAt } from "./source.ts";
import { flowEntry } from "./device-yaml.ts";
import { readYaml } from "./yaml-source.ts";

/** Tags that stand on the command line instead of in the device file, as the adapter's own keys. */
export type ExtraTags = Readonly<Record<string, { readonly [key: string]: JsonValue }>>;

/** One device alone, whatever is wrong with the rest of its site. */
export type LoadedDevice =
  | {
      readonly ok: true;
      readonly mapping: DeviceMapping;
      /** `connection:` as it was written, to be written again. */
      readonly connection: { readonly [key: string]: unknown };
      /** The site folder; where there is none, the folder of the file. */
      readonly dir: string;
      /** Undefined where there is no sound gateway.yaml. */
      readonly gateway: GatewayConfig | undefined;
    }
  | { readonly ok: false; readonly dir: string; readonly issues: readonly ConfigIssue[] };

/** The names that the lines on the command line go by in messages. */
const commandLine = "command line";

export interface LoadDeviceOptions {
  /** A file without tags is taken too. */
  readonly tagless?: boolean | undefined;
}

/** Reads one device file with its profile and CSV, and the tags given beside it. */
export async function loadDeviceFile(
  file: string,
  extra: ExtraTags = {},
  { tagless }: LoadDeviceOptions = {},
): Promise<LoadedDevice> {
  const path = resolve(file);
  const dir = siteOf(path);
  const mistakes = new Mistakes();
  const folder = new SiteFolder(dir, mistakes);
  const name = relative(dir, path).split(sep).join("/");
  const merged = await mergeDevice(name, { folder, registry: adapterRegistry, mistakes, tagless });
  if (merged === undefined) return { ok: false, dir, issues: mistakes.list() };
  return settle(withTags(merged, extra, mistakes), dir, await gatewayOf(folder), mistakes);
}

/** A device that no file describes, from its connection written as a URL. Throws CONFIG_INVALID where no adapter takes it. */
export async function loadDeviceUrl(text: string, extra: ExtraTags = {}): Promise<LoadedDevice> {
  const url = URL.parse(text);
  const schema = url === null ? undefined : await schemaFor(url);
  if (url === null || schema?.url === undefined) throw await unknownUrl(text);
  const connection = schema.url.connection(url);
  const mistakes = new Mistakes();
  const yaml = `device: device\nadapter: ${schema.name}\nconnection: ${flowEntry(connection as Record<string, JsonValue>)}\ntags: {}\n`;
  const source = readYaml(yaml, commandLine, mistakes);
  if (source === undefined) return { ok: false, dir: ".", issues: mistakes.list() };
  // No tags are no mistake here: a device that nobody mapped has none.
  const merged = { file: commandLine, source, adapter: schema, profileRead: true, tagsRead: false };
  return settle(withTags(merged, extra, mistakes), ".", undefined, mistakes);
}

/** True for what can't be a file's name. */
export function isUrl(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(text);
}

function withTags(merged: MergedDevice, extra: ExtraTags, mistakes: Mistakes): MergedDevice {
  const entries = Object.entries(extra);
  if (entries.length === 0) return merged;
  const lines = entries.map(([name, entry]) => `  ${JSON.stringify(name)}: ${flowEntry(entry)}`);
  const source = readYaml(`tags:\n${lines.join("\n")}\n`, commandLine, mistakes);
  return source === undefined ? merged : { ...merged, source: mergeSources(merged.source, source) };
}

function settle(
  merged: MergedDevice,
  dir: string,
  gateway: GatewayConfig | undefined,
  mistakes: Mistakes,
): LoadedDevice {
  const read = readDevice(merged, mistakes);
  if (read === undefined || !mistakes.none) return { ok: false, dir, issues: mistakes.list() };
  const written = sourceAt(merged.source, "connection");
  const connection = (written === undefined ? {} : plainValue(written)) as {
    readonly [key: string]: unknown;
  };
  return { ok: true, mapping: read.mapping, connection, dir, gateway };
}

/** `gateway.yaml` stands beside `devices/`, or beside the file itself. */
function siteOf(path: string): string {
  const own = dirname(path);
  const above = dirname(own);
  if (existsSync(join(above, "gateway.yaml")) || basename(own) === "devices") return above;
  return own;
}

async function gatewayOf(folder: SiteFolder): Promise<GatewayConfig | undefined> {
  const read = await folder.text("gateway.yaml");
  if ("reason" in read) return undefined;
  const source = readYaml(read.text, "gateway.yaml", new Mistakes());
  if (source === undefined) return undefined;
  const parsed = gatewaySchema.safeParse(plainValue(source));
  return parsed.success ? parsed.data : undefined;
}

async function schemas(): Promise<readonly AdapterSchema[]> {
  return Promise.all(Object.values(adapterRegistry).map((adapter) => adapter.schema()));
}

async function schemaFor(url: URL): Promise<AdapterSchema | undefined> {
  const scheme = url.protocol.replace(/:$/, "");
  return (await schemas()).find((schema) => schema.url?.schemes.includes(scheme));
}

async function unknownUrl(text: string): Promise<GatewayError> {
  const known = (await schemas()).flatMap(({ url }) => (url === undefined ? [] : [url]));
  const scheme = text.split(":")[0] ?? "";
  const meant = nearestName(
    scheme,
    known.flatMap(({ schemes }) => schemes),
  );
  const hint = meant === undefined || meant === scheme ? "" : ` Did you mean ${meant}://?`;
  return new GatewayError(
    "CONFIG_INVALID",
    [
      `No device is reached by ${text}.${hint} Allowed: a device file, such as mappings/factory/devices/press-1.yaml, or`,
      ...known.flatMap(({ examples }) => examples.map((example) => `  ${example}`)),
    ].join("\n"),
  );
}
