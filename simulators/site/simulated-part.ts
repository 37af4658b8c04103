import type { Clock } from "../../src/adapter-kit/clock.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import type { CameraSimulator } from "../camera/camera.ts";
import type { ModbusSimulator } from "../modbus/server.ts";
import type { DeviceClient } from "../mqtt/mqtt-client.ts";
import type { SimulatedEdgeNode } from "../sparkplug/edge-node.ts";
import type { SimulatedDevice } from "./simulated-device.ts";

/** A port (on a serial line: a path) of the mapping that could not be had, and the one that is used in its place. */
export type Moved = readonly [mapped: number | string, used: number | string];

/** How a simulated device that connects to the gateway gets to its broker. */
export interface DialInOptions {
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly broker: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** ms between two messages of an MQTT device on each topic; 500 by default. */
  readonly period?: number;
}

/** Simulated devices that are on the wire together: those of one server, of one line, or a single one. */
export interface SimulatedPart {
  readonly devices: readonly SimulatedDevice[];
  readonly moved?: Moved | undefined;
  /** The mapping of one of these devices with the connection that leads to it; absent: it is the mapping's own. */
  redirected?(mapping: DeviceMapping): DeviceMapping;
  /** Connects, and goes on trying until the broker is there. */
  dialIn?(options: DialInOptions & { readonly clock: Clock }): void;
  /** Called after each step of the models, with monotonic ms. */
  tick?(now: number): void;
  /** Idempotent; leaves no timer, no socket and no child. */
  stop(): Promise<void>;
  /** What stands behind the devices, with its fault switches. */
  readonly modbus?: ModbusSimulator | undefined;
  readonly camera?: CameraSimulator | undefined;
  readonly radio?: DeviceClient | undefined;
  readonly edgeNode?: SimulatedEdgeNode | undefined;
}
