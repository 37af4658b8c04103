import { stat } from "node:fs/promises";
import type { AdapterModule } from "../adapter-kit/adapter.ts";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import { adapterRegistry } from "../adapter-registry.ts";
import type { GatewayConfig } from "../config/gateway-schema.ts";
import {
  isUrl,
  loadDeviceFile,
  loadDeviceUrl,
  type ExtraTags,
  type LoadDeviceOptions,
  type LoadedDevice,
} from "../config/load-device.ts";
import { GatewayError } from "../domain/errors.ts";
import { nearestName } from "../domain/nearest.ts";
import type { JsonValue } from "../domain/reading.ts";
import { readSecret } from "../security/read-secret.ts";
import { issueReport } from "./issue-text.ts";
import type { BrokerLogin } from "./remote-broker.ts";

/** What a command was told about the way to the device. */
export interface TargetOptions {
  readonly broker?: string | undefined;
  readonly user?: string | undefined;
  /** `env:NAME` or `file:PATH`. */
  readonly password?: string | undefined;
  /** A PEM file with the authority of the broker's certificate. */
  readonly ca?: string | undefined;
}

/** A device that a command works on. */
export interface Target {
  /** Where relative paths of the mapping start: the site folder, or that of the device file. */
  readonly dir: string;
  readonly mapping: DeviceMapping;
  readonly module: AdapterModule;
  /** `connection:` as it was written. */
  readonly connection: { readonly [key: string]: unknown };
  /** Undefined where the device is no part of a site. */
  readonly gateway: GatewayConfig | undefined;
  /** For devices that talk to the gateway's broker: which one that is. */
  readonly broker: BrokerLogin | undefined;
}

/** A tag of the mapping, or an address that nobody mapped. */
export interface WantedTags {
  readonly names: readonly string[];
  /** Keys for addresses: type, order and the like. */
  readonly keys: { readonly [key: string]: JsonValue };
}

/** The device that a device file or a URL names. Throws CONFIG_INVALID with every mistake of the file. */
export async function findTarget(
  device: string,
  options: TargetOptions,
  loading: LoadDeviceOptions = {},
): Promise<Target> {
  return targetOf(device, await load(device, {}, loading), options);
}

/** The same with tags to be looked at: those that the mapping lacks are taken for addresses. */
export async function findTargetWithTags(
  device: string,
  wanted: WantedTags,
  options: TargetOptions,
): Promise<Target & { readonly tags: readonly string[] }> {
  const plain = await load(device, {});
  const known = plain.ok ? plain.mapping.tags.map(({ name }) => name) : [];
  const extra: Record<string, ExtraTags[string]> = {};
  const tags = wanted.names.map((name) => {
    if (known.includes(name) && Object.keys(wanted.keys).length === 0) return name;
    const free = freeName(name, (taken) => known.includes(taken) || Object.hasOwn(extra, taken));
    extra[free] = { address: name, ...wanted.keys };
    return free;
  });
  if (!plain.ok || Object.keys(extra).length === 0) {
    return { ...(await targetOf(device, plain, options)), tags: tags.length === 0 ? known : tags };
  }
  const loaded = await load(device, extra);
  if (!loaded.ok) throw noSuchTag(device, wanted.names, known, loaded);
  return { ...(await targetOf(device, loaded, options)), tags };
}

async function load(
  device: string,
  extra: ExtraTags,
  loading: LoadDeviceOptions = {},
): Promise<LoadedDevice> {
  if (isUrl(device)) return loadDeviceUrl(device, extra);
  const found = await stat(device).catch(() => undefined);
  if (found?.isFile() === true) return loadDeviceFile(device, extra, loading);
  const what = found === undefined ? "there is no such file" : "this is no file";
  throw new GatewayError(
    "CONFIG_INVALID",
    `${device}: ${what}. Allowed: a device file, such as mappings/factory/devices/press-1.yaml, or a connection as a URL, such as modbus-tcp://10.0.0.5:502/1.`,
  );
}

async function targetOf(device: string, loaded: LoadedDevice, options: TargetOptions): Promise<Target> {
  if (!loaded.ok) throw new GatewayError("CONFIG_INVALID", issueReport(loaded.dir, loaded.issues));
  const { mapping, connection, gateway, dir } = loaded;
  const module = await adapterRegistry[mapping.adapter]?.load();
  if (module === undefined) throw new GatewayError("INTERNAL", `There is no adapter ${mapping.adapter}.`);
  const broker = module.usesBroker === true ? await brokerOf(device, loaded, options, dir) : undefined;
  return { dir, mapping, module, connection, gateway, broker };
}

async function brokerOf(
  device: string,
  { gateway }: Extract<LoadedDevice, { ok: true }>,
  { broker, user, password, ca }: TargetOptions,
  siteDir: string,
): Promise<BrokerLogin> {
  const secret =
    password === undefined ? undefined : await readSecret(password, { siteDir, environment: process.env });
  const { host, port } = gateway?.broker.listen ?? { host: "127.0.0.1", port: 1883 };
  const listening = `mqtt://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { url: broker ?? (isUrl(device) ? device : listening), user, password: secret, ca };
}

/** A tag name made of an address: `holding:40` becomes `holding/40`. */
function freeName(address: string, isTaken: (name: string) => boolean): string {
  const name = address
    .split(/[^A-Za-z0-9_-]+/)
    .filter((segment) => segment !== "")
    .join("/");
  let free = name === "" ? "value" : name;
  for (let number = 2; isTaken(free); number += 1) free = `${name}-${number}`;
  return free;
}

function noSuchTag(
  device: string,
  names: readonly string[],
  known: readonly string[],
  { issues }: Extract<LoadedDevice, { ok: false }>,
): GatewayError {
  const lines = names
    .filter((name) => !known.includes(name))
    .map((name) => {
      const meant = nearestName(name, known);
      return `${device} has no tag ${name}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`;
    });
  const why = issues.map(({ path, message, allowed }) => {
    const allow = allowed === undefined ? "" : ` Allowed: ${allowed}.`;
    return `As an address: ${path.split(".").at(-1) ?? ""}: ${message}.${allow}`;
  });
  return new GatewayError("CONFIG_INVALID", [...lines, ...why].join("\n"));
}
