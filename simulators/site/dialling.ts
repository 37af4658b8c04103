import type { MqttDeviceMapping } from "../../adapters/mqtt/mapping.ts";
import type { SparkplugDeviceMapping } from "../../adapters/sparkplug/mapping.ts";
import type { Clock } from "../../src/adapter-kit/clock.ts";
import { DeviceClient } from "../mqtt/mqtt-client.ts";
import { SimulatedMqttDevice } from "../mqtt/mqtt-device.ts";
import { simulatedSparkplugDevices } from "../sparkplug/sparkplug-device.ts";
import type { DialInOptions, SimulatedPart } from "./simulated-part.ts";

/** An MQTT device with a connection of its own to the gateway's broker. */
class DiallingDevice implements SimulatedPart {
  readonly devices: readonly [SimulatedMqttDevice];
  #client: DeviceClient | undefined;

  constructor(mapping: MqttDeviceMapping) {
    this.devices = [new SimulatedMqttDevice(mapping)];
  }

  get radio(): DeviceClient | undefined {
    return this.#client;
  }

  dialIn(options: DialInOptions & { readonly clock: Clock }): void {
    this.#client = new DeviceClient(this.devices[0], options);
    this.#client.start();
  }

  async stop(): Promise<void> {
    await this.#client?.stop();
  }
}

export function diallingDevices(mappings: readonly MqttDeviceMapping[]): readonly SimulatedPart[] {
  return mappings.map((mapping) => new DiallingDevice(mapping));
}

/** Sparkplug devices, those of one edge node behind one connection. */
export function diallingEdgeNodes(mappings: readonly SparkplugDeviceMapping[]): readonly SimulatedPart[] {
  const byNode = Map.groupBy(simulatedSparkplugDevices(mappings), ({ node }) => node);
  return [...byNode].map(([node, devices]) => ({
    devices,
    edgeNode: node,
    dialIn: (options) => node.start(options),
    stop: () => node.stop(),
  }));
}
