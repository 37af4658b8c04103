import { builtInOf } from "../../adapters/opcua/value-type.ts";
import { isMethod, type OpcuaDevice, type OpcuaTag } from "../../adapters/opcua/mapping.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { compileScaling } from "../../src/normalise/scaling.ts";
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
    if (tag !== undefined && tag.value.kind !== "json") this.#variable(tag).set(rawOf(value, tag));
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
  const host = options.host ?? url.hostname;
  const start = (port: number) =>
    OpcuaSimulator.start({
      host,
      port,
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
    value: builtIn === "DateTime" ? "2026-01-01T00:00:00.000Z" : (neutral[tag.value.kind] ?? 0),
    writable: tag.write !== undefined,
  };
}
