import { builtInOf } from "../../adapters/opcua/value-type.ts";
import { isMethod, type OpcuaDevice, type OpcuaTag } from "../../adapters/opcua/mapping.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { compileScaling } from "../../src/normalise/scaling.ts";
import { endpointPath } from "../opcua/endpoint-path.ts";
import { OpcuaSimulator } from "../opcua/server.ts";
import type { VariableSpec } from "../opcua/variables.ts";
import { refuseForeignHost, startAt, type ServerOptions } from "./ports.ts";
import { rawOf } from "./raw-value.ts";
import type { SimulatedPart } from "./simulated-part.ts";
import type { SimulatedDevice, SimulatedTag } from "./simulated-device.ts";

/** An OPC UA device as its mapping describes it: a server of its own, with a variable for each tag. */
class SimulatedOpcuaDevice implements SimulatedDevice {
  readonly mapping: OpcuaDevice;
  readonly tags: readonly SimulatedTag[];
  readonly server: OpcuaSimulator;
  readonly #byName: ReadonlyMap<string, OpcuaTag>;

  constructor(mapping: OpcuaDevice, server: OpcuaSimulator) {
    this.mapping = mapping;
    this.server = server;
    const tags = simulatedTags(mapping);
    this.tags = tags.map((tag) => ({ name: tag.name, mapping: tag }));
    this.#byName = new Map(tags.map((tag) => [tag.name, tag]));
  }

  get place(): string {
    return this.server.endpoint;
  }

  set(name: string, value: TagValue): void {
    const tag = this.#byName.get(name);
    if (tag === undefined || tag.value.kind === "json") return;
    const raw = formed(rawOf(value, tag), builtInOf(tag.options.type));
    if (raw !== undefined) this.#variable(tag).set(raw);
  }

  get(name: string): TagValue | undefined {
    const tag = this.#byName.get(name);
    const raw = tag === undefined ? null : this.#variable(tag).get();
    return tag === undefined || raw === null ? undefined : compileScaling(tag)(raw);
  }

  #variable(tag: OpcuaTag) {
    return this.server.variable(nodeOf(tag));
  }
}

/** One server a device. Rejects where one can't listen, with nothing left open. */
export async function serveOpcua(
  devices: readonly OpcuaDevice[],
  options: ServerOptions,
): Promise<readonly SimulatedPart[]> {
  const served: SimulatedPart[] = [];
  try {
    for (const device of devices) served.push(await serve(device, options));
    return served;
  } catch (caught) {
    await Promise.all(served.map((part) => part.stop()));
    throw caught;
  }
}

async function serve(mapping: OpcuaDevice, options: ServerOptions): Promise<SimulatedPart> {
  const url = new URL(mapping.connection.endpoint);
  refuseForeignHost(mapping.device, url.hostname, options);
  const host = options.host ?? url.hostname.replace(/^\[(.*)\]$/, "$1");
  const start = (port: number) =>
    OpcuaSimulator.start({
      host,
      port,
      path: endpointPath(mapping.connection.endpoint),
      security: mapping.connection.security.policy === "none" ? "none" : "required",
      variables: simulatedTags(mapping).map(specOf),
    });
  const mapped = mappedPort(mapping);
  const server = await startAt(start, mapped, host, options);
  const { connection } = mapping;
  return {
    devices: [new SimulatedOpcuaDevice(mapping, server)],
    moved: server.port === mapped ? undefined : [mapped, server.port],
    redirected: () => ({ ...mapping, connection: { ...connection, endpoint: server.endpoint } }),
    stop: () => server.stop(),
  };
}

/** The port of the mapping's endpoint; OPC UA's own where it names none. */
function mappedPort({ connection }: OpcuaDevice): number {
  return Number(new URL(connection.endpoint).port || 4840);
}

/** Methods and values of types that the mapping does not name have no simulation. */
function simulatedTags({ tags }: OpcuaDevice): readonly OpcuaTag[] {
  return tags.filter(({ options }) => !isMethod(options) && builtInOf(options.type) !== undefined);
}

/** A text in the form that its type asks for; undefined where it has none, and the variable keeps what it holds. */
function formed(value: TagValue, builtIn: string | undefined): TagValue | undefined {
  if (typeof value !== "string") return value;
  if (builtIn === "ByteString") return Buffer.from(value).toString("base64");
  if (builtIn === "DateTime") return Number.isNaN(Date.parse(value)) ? undefined : value;
  if (builtIn === "Guid") return guidForm.test(value) ? value : undefined;
  return value;
}

const guidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What a variable holds before anything was set, where the type wants a form. */
const atFirst: Readonly<Record<string, string>> = {
  DateTime: "2026-01-01T00:00:00.000Z",
  Guid: "00000000-0000-0000-0000-000000000000",
};

function nodeOf({ options }: OpcuaTag): string {
  return options.node ?? options.path ?? "";
}

const neutral: Readonly<Record<string, TagValue>> = {
  boolean: false,
  integer: 0,
  float: 0,
  string: "",
};

function specOf(tag: OpcuaTag): VariableSpec {
  const builtIn = builtInOf(tag.options.type) ?? "Double";
  return {
    node: nodeOf(tag),
    name: tag.name.split("/").at(-1) ?? tag.name,
    builtIn,
    value: atFirst[builtIn] ?? neutral[tag.value.kind] ?? 0,
    writable: tag.write !== undefined,
  };
}
