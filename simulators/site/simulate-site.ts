import type { MqttDeviceMapping } from "../../adapters/mqtt/mapping.ts";
import type { OpcuaDevice } from "../../adapters/opcua/mapping.ts";
import type { SparkplugDeviceMapping } from "../../adapters/sparkplug/mapping.ts";
import { systemClock, type Clock } from "../../src/adapter-kit/clock.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import type { Site } from "../../src/config/site.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import type { CameraSimulator } from "../camera/camera.ts";
import { LineModel } from "../line/line-model.ts";
import { seededRandom } from "../line/random.ts";
import type { ModbusSimulator } from "../modbus/server.ts";
import type { DeviceClient } from "../mqtt/mqtt-client.ts";
import type { SimulatedEdgeNode } from "../sparkplug/edge-node.ts";
import { StoreModel } from "../store/store-model.ts";
import { isCamera } from "./camera-device.ts";
import { serveCameras } from "./camera-servers.ts";
import { diallingDevices, diallingEdgeNodes } from "./dialling.ts";
import { HeaterModel } from "./heater-model.ts";
import { isModbus, serveModbus } from "./modbus-servers.ts";
import type { ServerOptions } from "./ports.ts";
import type { Model, SimulatedDevice } from "./simulated-device.ts";
import type { DialInOptions, Moved, SimulatedPart } from "./simulated-part.ts";
import { WanderModel } from "./wander.ts";

export type { DialInOptions } from "./simulated-part.ts";

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

/** ms between two steps of the models: below the fastest usual poll. */
const tickMs = 40;

/**
 * A simulated device for every device of the site, from its own mapping. Devices that are stations of the line, or of a store, are
 * driven by it, all other tags wander. MQTT and Sparkplug devices wait for `dialIn`. Rejects where a server can't listen, with nothing
 * left open.
 */
export async function simulateSite(site: Site, options: SimulateOptions = {}): Promise<SiteSimulation> {
  const { host, ports = "mapped", seed = 1, speed = 1, clock = systemClock } = options;
  const parts: SimulatedPart[] = [];
  try {
    for (const serve of protocols) parts.push(...(await serve(site, { host, ports }, clock)));
  } catch (caught) {
    await Promise.all(parts.map((part) => part.stop()));
    throw caught;
  }
  return new SiteSimulation(site, parts, { seed, speed, clock });
}

type Serve = (site: Site, options: ServerOptions, clock: Clock) => Promise<readonly SimulatedPart[]>;

/** Each protocol's devices of a site. Rejects where a server can't listen, with nothing of its own left open. */
const protocols: readonly Serve[] = [
  async ({ devices }, options) => serveModbus(devices.filter(isModbus), options),
  async ({ devices, dir }, options, clock) => serveCameras(devices.filter(isCamera), options, clock, dir),
  async ({ devices }, options) => {
    const opcua = devices.filter(isOpcua);
    // The server package is large: it is loaded only for sites that have such a device.
    return opcua.length === 0 ? [] : (await import("./opcua-servers.ts")).serveOpcua(opcua, options);
  },
  async ({ devices }) => diallingDevices(devices.filter(isMqtt)),
  async ({ devices }) => diallingEdgeNodes(devices.filter(isSparkplug)),
];

interface Pace {
  readonly seed: number;
  readonly speed: number;
  readonly clock: Clock;
}

/** All simulated devices of a site, running. */
export class SiteSimulation {
  readonly devices: readonly SimulatedDevice[];
  readonly line: LineModel;
  readonly store: StoreModel;
  readonly #site: Site;
  readonly #parts: readonly SimulatedPart[];
  readonly #partOf: ReadonlyMap<string, SimulatedPart>;
  readonly #models: readonly Model[];
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout;
  #last: number;

  constructor(site: Site, parts: readonly SimulatedPart[], pace: Pace) {
    this.#site = site;
    this.#parts = parts;
    this.#pace = pace;
    const simulated = parts.flatMap((part) => part.devices.map((device) => ({ device, part })));
    this.#partOf = new Map(simulated.map(({ device, part }) => [device.mapping.device, part]));
    const all = new Map(simulated.map(({ device }) => [device.mapping.device, device]));
    this.devices = site.devices.flatMap(({ device }) => all.get(device) ?? []);
    this.line = new LineModel(this.devices, seededRandom(pace.seed));
    const heaters = new HeaterModel(this.devices, this.line, seededRandom(pace.seed + 2));
    this.store = new StoreModel(this.devices, seededRandom(pace.seed + 3), () => pace.clock.now());
    const known = [this.line, heaters, this.store];
    const owned = (device: string, tag: string) => known.some((model) => model.owns(device, tag));
    this.#models = [...known, new WanderModel(this.devices, owned, seededRandom(pace.seed + 1))];
    this.#last = pace.clock.monotonic();
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** The site with the connections that lead to the simulated devices, wherever they listen. */
  get site(): Site {
    const redirected = (mapping: DeviceMapping): DeviceMapping =>
      this.#partOf.get(mapping.device)?.redirected?.(mapping) ?? mapping;
    return { ...this.#site, devices: this.#site.devices.map(redirected) };
  }

  /** The ports of the mapping that were taken, each with the one that is used in its place. */
  get movedPorts(): readonly Moved[] {
    return this.#parts.flatMap(({ moved }) => (moved === undefined ? [] : [moved]));
  }

  /** The devices that connect to the gateway do, and go on trying until the broker is there. */
  dialIn(options: DialInOptions): void {
    for (const part of this.#parts) part.dialIn?.({ ...options, clock: this.#pace.clock });
  }

  /** The server behind which a Modbus device is, with its fault switches. */
  server(device: string): ModbusSimulator {
    return found(this.#partOf.get(device)?.modbus, `no Modbus device ${device} is simulated`);
  }

  /** A camera that is asked or that streams, with its fault switches. */
  camera(device: string): CameraSimulator {
    return found(this.#partOf.get(device)?.camera, `no camera ${device} is served`);
  }

  /** The radio of an MQTT device that dials in, with its fault switch. */
  radio(device: string): DeviceClient {
    return found(this.#partOf.get(device)?.radio, `no MQTT device ${device} dials in`);
  }

  /** The edge node behind which a Sparkplug device is, with its fault switches. */
  edgeNode(device: string): SimulatedEdgeNode {
    return found(this.#partOf.get(device)?.edgeNode, `no Sparkplug device ${device} is simulated`);
  }

  /** Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#parts.map((part) => part.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #tick(): void {
    const now = this.#pace.clock.monotonic();
    const seconds = ((now - this.#last) / 1_000) * this.#pace.speed;
    this.#last = now;
    for (const model of this.#models) model.step(seconds);
    for (const part of this.#parts) part.tick?.(now);
  }
}

function found<T>(part: T | undefined, otherwise: string): T {
  if (part !== undefined) return part;
  throw new GatewayError("INTERNAL", otherwise);
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
