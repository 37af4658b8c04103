import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import { adapterRegistry } from "../adapter-registry.ts";
import { nearestName } from "../domain/nearest.ts";
import { gatewaySchema } from "./gateway-schema.ts";
import { virtualDevice } from "./ledger.ts";
import { alertsFile, loadAlerts, type OtherAlerts } from "./load-alerts.ts";
import { ledgerFile, loadLedgers } from "./load-ledgers.ts";
import { lineFile, loadLine } from "./load-line.ts";
import { checkDeviceListeners } from "./device-listener-rules.ts";
import { checkListeners, type ReadGateway } from "./listener-rules.ts";
import { mergeDevice, type MergedDevice, type SchemaRegistry } from "./merge-device.ts";
import { Mistakes } from "./mistakes.ts";
import { checkOutside, type Surroundings } from "./outside-rules.ts";
import { readDevice, type ReadDevice } from "./read-device.ts";
import { resolveUploads } from "./read-upload.ts";
import { SiteFolder } from "./site-folder.ts";
import type { LoadedSite } from "./site.ts";
import { isSound, keyPlace, sourceAt, valuePlace } from "./source.ts";
import { checkUsers } from "./user-rules.ts";
import { validate } from "./validate.ts";
import { checkPermissives } from "./write-rules.ts";

const gatewayFile = "gateway.yaml";
const devicesFolder = "devices";

export interface LoadOptions {
  readonly registry?: SchemaRegistry;
  readonly env?: Surroundings["env"];
  /** Taken in place of the alerts that the site has, as before an import. */
  readonly alerts?: OtherAlerts;
}

/**
 * Reads a whole site folder and checks it by every rule there is, with no I/O but reading files. Gives the site, or all
 * the mistakes at once. Rejects only where something is wrong with the program itself.
 */
export async function loadSite(dir: string, options: LoadOptions = {}): Promise<LoadedSite> {
  const { registry = adapterRegistry, env = process.env, alerts: other } = options;
  const mistakes = new Mistakes();
  const folder = new SiteFolder(dir, mistakes);
  const found = await stat(folder.dir).catch(() => undefined);
  if (found?.isDirectory() !== true) {
    mistakes.add({ file: ".", line: 1, column: 1 }, [], {
      message: `there is no folder ${folder.dir}`,
      allowed: "a site folder with gateway.yaml and devices/*.yaml",
    });
    return { ok: false, issues: mistakes.list(), files: [] };
  }
  const around = { dir: folder.dir, env };
  const [read, perDevice] = await Promise.all([
    readGateway(folder, around, mistakes),
    readDevices(folder, registry, mistakes),
  ]);
  checkDeviceListeners(perDevice, read, mistakes);
  // What a file that is broken would have named is not known.
  const devices = mistakes.none ? perDevice.map((one) => one.mapping) : undefined;
  await readOther(ledgerFile, folder, mistakes);
  const ledgers = await loadLedgers(folder, devices, mistakes);
  const virtual = (ledgers?.ledgers ?? []).map(virtualDevice);
  // What alerts, the line and the upload may name.
  const nameable = mistakes.none && devices !== undefined ? [...devices, ...virtual] : undefined;
  await readOther(lineFile, folder, mistakes);
  const line = await loadLine(folder, nameable, mistakes);
  const known = { devices: nameable, line: mistakes.none ? (line ?? null) : undefined };
  await readOther(alertsFile, folder, mistakes);
  const alerts = await loadAlerts({ folder, known, around, mistakes, other });
  const { files } = folder;
  const upload =
    read === undefined
      ? undefined
      : resolveUploads(read, [...perDevice, ...virtual.map(withoutUploads)], mistakes);
  if (read === undefined || devices === undefined || !mistakes.none)
    return { ok: false, issues: mistakes.list(), files };
  const optional = {
    ...(ledgers === undefined ? {} : { ledgers }),
    ...(line === undefined ? {} : { line }),
    ...(alerts === undefined ? {} : { alerts }),
    ...(upload === undefined ? {} : { upload }),
  };
  return { ok: true, site: { dir: folder.dir, gateway: read.gateway, devices, ...optional, files } };
}

/** A ledger has no file of a device's: its uploads stand in gateway.yaml. */
function withoutUploads(mapping: DeviceMapping): Pick<ReadDevice, "mapping" | "uploads"> {
  return { mapping, uploads: new Map() };
}

async function readOther(file: string, folder: SiteFolder, mistakes: Mistakes): Promise<void> {
  await folder.yaml(file);
  const read = await folder.text(file);
  if ("text" in read || read.absent === true) return;
  mistakes.add({ file, line: 1, column: 1 }, [], { message: read.reason, allowed: "a YAML file, or none" });
}

/** No file that somebody takes for a part of the site, and nothing reads. */
async function checkUnread(folder: SiteFolder, mistakes: Mistakes): Promise<void> {
  const known = [gatewayFile, alertsFile, lineFile, ledgerFile];
  const read = new Set(folder.files);
  const names = (await folder.list(".")).filter((name) => /^[^.].*\.ya?ml$/.test(name));
  for (const file of names.filter((name) => !known.includes(name) && !read.has(join(folder.dir, name)))) {
    mistakes.add({ file, line: 1, column: 1 }, [], {
      message: "nothing reads this file",
      allowed: `${known.join(", ")}, ${devicesFolder}/*.yaml, and the profiles that these name`,
      meant: nearestName(file, known),
    });
  }
}

async function readGateway(
  folder: SiteFolder,
  around: Surroundings,
  mistakes: Mistakes,
): Promise<ReadGateway | undefined> {
  const read = await folder.text(gatewayFile);
  if ("reason" in read) {
    const start = { file: gatewayFile, line: 1, column: 1 };
    mistakes.add(start, [], { message: read.reason, allowed: "gateway.yaml with at least gateway and site" });
    return undefined;
  }
  const source = await folder.yaml(gatewayFile);
  if (source === undefined) return undefined;
  const validated = validate(gatewaySchema, source, [], mistakes);
  if (validated === undefined) return undefined;
  const { value: gateway, leftOut } = validated;
  const commands = isSound(leftOut, ["site"]) ? `cmd/${gateway.site}/` : "cmd/";
  const found = { source, gateway, leftOut };
  checkListeners(found, mistakes);
  checkUsers(source, gateway, commands, mistakes.except(leftOut));
  await checkOutside(source, gateway, leftOut, around, mistakes);
  return found;
}

async function readDevices(
  folder: SiteFolder,
  registry: SchemaRegistry,
  mistakes: Mistakes,
): Promise<readonly ReadDevice[]> {
  const names = (await folder.list(devicesFolder)).filter((name) => !name.startsWith("."));
  for (const name of names.filter((one) => one.endsWith(".yml"))) {
    const file = `${devicesFolder}/${name}`;
    mistakes.add({ file, line: 1, column: 1 }, [], {
      message: "this file is not read, for its name",
      allowed: "names that end in .yaml",
      meant: name.replace(/\.yml$/, ".yaml"),
    });
  }
  const files = names.filter((name) => name.endsWith(".yaml")).map((name) => `${devicesFolder}/${name}`);
  const merged = await Promise.all(files.map((file) => mergeDevice(file, { folder, registry, mistakes })));
  const known = merged.filter((device) => device !== undefined);
  // What a file that is broken would have named is not known.
  if (known.length === files.length) await checkUnread(folder, mistakes);
  checkNames(known, mistakes);
  const read = known.map((device) => readDevice(device, mistakes));
  const devices = read.filter((device) => device !== undefined);
  checkEndpoints(devices, mistakes);
  checkMedia(devices, mistakes);
  // What a device that could not be read would have is not known.
  if (devices.length === files.length) checkPermissives(devices, mistakes);
  return devices;
}

/** No name twice. */
function checkNames(devices: readonly MergedDevice[], mistakes: Mistakes): void {
  const byName = new Map<unknown, MergedDevice>();
  for (const device of devices) {
    const named = sourceAt(device.source, "device");
    if (named?.kind !== "scalar" || typeof named.value !== "string") continue;
    const namesake = byName.get(named.value);
    if (namesake === undefined) {
      byName.set(named.value, device);
      continue;
    }
    const { line } = valuePlace(namesake.source, ["device"]);
    mistakes.add(named.place, ["device"], {
      message: `the device ${named.value} is given twice; first in ${namesake.file}, line ${line}`,
      allowed: "each name once in a site",
    });
  }
}

/** No device twice on its medium. */
function checkEndpoints(devices: readonly ReadDevice[], mistakes: Mistakes): void {
  const byEndpoint = new Map<string, ReadDevice>();
  for (const device of devices) {
    const { mapping, source, endpoint } = device;
    if (endpoint === undefined) continue;
    const key = `${mapping.adapter} ${endpoint}`;
    const other = byEndpoint.get(key);
    if (other === undefined) {
      byEndpoint.set(key, device);
      continue;
    }
    const { file } = valuePlace(other.source, ["device"]);
    mistakes.add(keyPlace(source, ["connection"]), ["connection"], {
      message: `this is the same device as ${other.mapping.device} (${file}): ${endpoint}`,
      allowed: "each device in one file",
    });
  }
}

/** Devices on one medium use it in one way. */
function checkMedia(devices: readonly ReadDevice[], mistakes: Mistakes): void {
  const byMedium = new Map<string, ReadDevice>();
  for (const device of devices) {
    const { mapping, source, medium } = device;
    if (medium === undefined) continue;
    const key = `${mapping.adapter} ${medium.name}`;
    const first = byMedium.get(key) ?? device;
    byMedium.set(key, first);
    const other = first.medium?.settings ?? medium.settings;
    if (other === medium.settings) continue;
    const { file } = valuePlace(first.source, ["device"]);
    mistakes.add(keyPlace(source, ["connection"]), ["connection"], {
      message: `${mapping.device} and ${first.mapping.device} (${file}) are both on ${medium.name}, one with ${medium.settings}, the other with ${other}`,
      allowed: "the same for all devices there",
    });
  }
}
