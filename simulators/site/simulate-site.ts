import type { MqttDeviceMapping } from "../../adapters/mqtt/mapping.ts";
import type { OpcuaDevice } from "../../adapters/opcua/mapping.ts";
import { systemClock, type Clock } from "../../src/adapter-kit/clock.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import type { Site } from "../../src/config/site.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import { LineModel } from "../line/line-model.ts";
import { seededRandom } from "../line/random.ts";
import type { ModbusSimulator } from "../modbus/server.ts";
import { DeviceClient } from "../mqtt/mqtt-client.ts";
import { SimulatedMqttDevice } from "../mqtt/mqtt-device.ts";
import type { SparkplugDeviceMapping } from "../../adapters/sparkplug/mapping.ts";
import type { CameraSimulator } from "../camera/camera.ts";
import type { SimulatedEdgeNode } from "../sparkplug/edge-node.ts";
import { simulatedSparkplugDevices, type SimulatedSparkplugDevice } from "../sparkplug/sparkplug-device.ts";
import { isCamera } from "./camera-device.ts";
import { serveCameras, type ServedCamera } from "./camera-servers.ts";
import { HeaterModel } from "./heater-model.ts";
import { isModbus, serveModbus, type ServedEndpoint } from "./modbus-servers.ts";
import type { SimulatedOpcuaDevice } from "./opcua-servers.ts";
import type { ServerOptions } from "./ports.ts";
import type { Model, SimulatedDevice } from "./simulated-device.ts";
import { WanderModel } from "./wander.ts";

export interface SimulateOptions {
  /** Where Modbus servers listen, in place of the mapping's hosts; without it only loopback hosts are served. */
  readonly host?: string | undefined;
  /** `mapped` by default. */
  readonly ports?: ServerOptions["ports"];
  /** The same seed gives the same values. */
  readonly seed?: number;
  /** Simulated seconds a second; 1 by default. */
  readonly speed?: number;
  readonly clock?: Clock;
}

/** How a simulated MQTT device gets to its broker. */
export interface DialInOptions {
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly broker: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** ms between two steps of the models: below the fastest usual poll. */
const tickMs = 40;

/**
 * A simulated device for every device of the site, from its own mapping. Devices that are stations of the line are
 * driven by it, all other tags wander. MQTT and Sparkplug devices wait for `dialIn`. Rejects where a server can't listen, with nothing
 * left open.
 */
export async function simulateSite(site: Site, options: SimulateOptions = {}): Promise<SiteSimulation> {
  const { host, ports = "mapped", seed = 1, speed = 1, clock = systemClock } = options;
  const endpoints = await serveModbus(site.devices.filter(isModbus), { host, ports });
  const cameras = await serveCameras(site.devices.filter(isCamera), { host, ports }, clock, site.dir).catch(
    async (caught: unknown) => {
      await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
      throw caught;
    },
  );
  const opcua = site.devices.filter(isOpcua);
  const servers = opcua.length === 0 ? [] : await serveOpcuaLater(opcua, { host, ports }, endpoints);
  const dialling = site.devices.filter(isMqtt).map((mapping) => new SimulatedMqttDevice(mapping));
  const sparkplug = simulatedSparkplugDevices(site.devices.filter(isSparkplug));
  return new SiteSimulation(
    site,
    { endpoints, cameras, servers, dialling, sparkplug },
    { seed, speed, clock },
  );
}

/** The server package is large: it is loaded only for sites that have such a device. */
async function serveOpcuaLater(
  devices: readonly OpcuaDevice[],
  options: ServerOptions,
  endpoints: readonly ServedEndpoint[],
): Promise<readonly SimulatedOpcuaDevice[]> {
  const { serveOpcua } = await import("./opcua-servers.ts");
  try {
    return await serveOpcua(devices, options);
  } catch (caught) {
    await Promise.all(endpoints.map((endpoint) => endpoint.stop()));
    throw caught;
  }
}

/** The simulated devices by the way they talk. */
interface Simulated {
  readonly endpoints: readonly ServedEndpoint[];
  readonly cameras: readonly ServedCamera[];
  readonly servers: readonly SimulatedOpcuaDevice[];
  readonly dialling: readonly SimulatedMqttDevice[];
  readonly sparkplug: readonly SimulatedSparkplugDevice[];
}

interface Pace {
  readonly seed: number;
  readonly speed: number;
  readonly clock: Clock;
}

/** All simulated devices of a site, running. */
export class SiteSimulation {
  readonly devices: readonly SimulatedDevice[];
  readonly line: LineModel;
  readonly #site: Site;
  readonly #endpoints: readonly ServedEndpoint[];
  readonly #cameras: readonly ServedCamera[];
  readonly #servers: readonly SimulatedOpcuaDevice[];
  readonly #dialling: readonly SimulatedMqttDevice[];
  readonly #sparkplug: readonly SimulatedSparkplugDevice[];
  readonly #clients = new Map<string, DeviceClient>();
  readonly #models: readonly Model[];
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout;
  #last: number;

  constructor(site: Site, { endpoints, cameras, servers, dialling, sparkplug }: Simulated, pace: Pace) {
    this.#site = site;
    this.#endpoints = endpoints;
    this.#cameras = cameras;
    this.#servers = servers;
    this.#dialling = dialling;
    this.#sparkplug = sparkplug;
    this.#pace = pace;
    const all = new Map<string, SimulatedDevice>(
      [
        ...endpoints.flatMap(({ devices }) => devices),
        ...cameras.map(({ device }) => device),
        ...servers,
        ...dialling,
        ...sparkplug,
      ].map((device) => [device.mapping.device, device]),
    );
    this.devices = site.devices.flatMap(({ device }) => all.get(device) ?? []);
    this.line = new LineModel(this.devices, seededRandom(pace.seed));
    const heaters = new HeaterModel(this.devices, this.line, seededRandom(pace.seed + 2));
    const owned = (device: string, tag: string) => this.line.owns(device, tag) || heaters.owns(device, tag);
    this.#models = [this.line, heaters, new WanderModel(this.devices, owned, seededRandom(pace.seed + 1))];
    this.#last = pace.clock.monotonic();
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** The site with the connections that lead to the simulated devices, wherever they listen. */
  get site(): Site {
    const endpoints = new Map(
      this.#endpoints.flatMap((endpoint) =>
        endpoint.devices.map(({ mapping }) => [mapping.device, endpoint] as const),
      ),
    );
    const cameras = new Map(this.#cameras.map((camera) => [camera.device.mapping.device, camera]));
    const redirected = (mapping: DeviceMapping): DeviceMapping => {
      const camera = cameras.get(mapping.device);
      if (camera !== undefined) return camera.redirected;
      const opcua = this.#servers.find((one) => one.mapping.device === mapping.device);
      if (opcua !== undefined) {
        return { ...mapping, connection: { ...opcua.mapping.connection, endpoint: opcua.server.endpoint } };
      }
      const endpoint = endpoints.get(mapping.device);
      if (endpoint === undefined || !isModbus(mapping)) return mapping;
      return { ...mapping, connection: endpoint.redirected(mapping.connection) };
    };
    return { ...this.#site, devices: this.#site.devices.map(redirected) };
  }

  /** The ports of the mapping that were taken, each with the one that is used in its place. */
  get movedPorts(): readonly (readonly [mapped: number | string, used: number | string])[] {
    const servers = [...this.#cameras, ...this.#servers].flatMap(({ server, mappedPort }) =>
      server === undefined || mappedPort === undefined || server.port === mappedPort
        ? []
        : [[mappedPort, server.port] as const],
    );
    return [...this.#endpoints.flatMap(({ moved }) => (moved === undefined ? [] : [moved])), ...servers];
  }

  /** The MQTT devices and Sparkplug edge nodes connect, and go on trying until the broker is there. */
  dialIn(options: DialInOptions): void {
    for (const device of this.#dialling) {
      const client = new DeviceClient(device, { ...options, clock: this.#pace.clock });
      this.#clients.set(device.mapping.device, client);
      client.start();
    }
    for (const node of this.#edgeNodes()) node.start({ ...options, clock: this.#pace.clock });
  }

  /** The server behind which a Modbus device is, with its fault switches. */
  server(device: string): ModbusSimulator {
    const found = this.#endpoints.find(({ devices }) =>
      devices.some(({ mapping }) => mapping.device === device),
    );
    if (found === undefined) throw new GatewayError("INTERNAL", `no Modbus device ${device} is simulated`);
    return found.server;
  }

  /** A camera that is asked or that streams, with its fault switches. */
  camera(device: string): CameraSimulator {
    const found = this.#cameras.find((camera) => camera.device.mapping.device === device)?.server;
    if (found === undefined) throw new GatewayError("INTERNAL", `no camera ${device} is served`);
    return found;
  }

  /** The radio of an MQTT device that dials in, with its fault switch. */
  radio(device: string): DeviceClient {
    const client = this.#clients.get(device);
    if (client === undefined) throw new GatewayError("INTERNAL", `no MQTT device ${device} dials in`);
    return client;
  }

  /** The edge node behind which a Sparkplug device is, with its fault switches. */
  edgeNode(device: string): SimulatedEdgeNode {
    const found = this.#sparkplug.find(({ mapping }) => mapping.device === device);
    if (found === undefined) throw new GatewayError("INTERNAL", `no Sparkplug device ${device} is simulated`);
    return found.node;
  }

  /** Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all([...this.#clients.values()].map((client) => client.stop()));
    await Promise.all([...this.#edgeNodes()].map((node) => node.stop()));
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.stop()));
    await Promise.all(this.#cameras.map((camera) => camera.stop()));
    await Promise.all(this.#servers.map(({ server }) => server.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #edgeNodes(): ReadonlySet<SimulatedEdgeNode> {
    return new Set(this.#sparkplug.map(({ node }) => node));
  }

  #tick(): void {
    const now = this.#pace.clock.monotonic();
    const seconds = ((now - this.#last) / 1_000) * this.#pace.speed;
    this.#last = now;
    for (const model of this.#models) model.step(seconds);
    for (const camera of this.#cameras) camera.tick(now);
  }
}

function isOpcua(device: DeviceMapping): device is OpcuaDevice {
  return device.adapter === "opcua";
}

function isMqtt(device: DeviceMapping): device is MqttDeviceMapping {
  return device.adapter === "mqtt";
}

function isSparkplug(device: DeviceMapping): device is SparkplugDeviceMapping {
  return device.adapter === "sparkplug";
}
