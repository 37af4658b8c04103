import type { ModbusDevice } from "../../adapters/modbus/mapping.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import { ModbusSimulator } from "../modbus/server.ts";
import { SimulatedModbusDevice } from "./modbus-device.ts";
import { refuseForeignHost, startAt, type ServerOptions } from "./ports.ts";

/** One server, for all devices behind one host and port. */
export interface ServedEndpoint {
  readonly server: ModbusSimulator;
  /** The port of the mapping. */
  readonly mappedPort: number;
  readonly devices: readonly SimulatedModbusDevice[];
}

/** Serves the devices, one server for each host and port of their mappings. Rejects where one can't listen. */
export async function serveModbus(
  devices: readonly ModbusDevice[],
  options: ServerOptions,
): Promise<readonly ServedEndpoint[]> {
  const groups = Map.groupBy(devices, ({ connection }) => `${connection.host}:${connection.port}`);
  for (const { device, connection } of devices) refuseForeignHost(device, connection.host, options);
  const served: ServedEndpoint[] = [];
  try {
    for (const group of groups.values()) served.push(await serveGroup(group, options));
    return served;
  } catch (caught) {
    await Promise.all(served.map(({ server }) => server.refuse()));
    throw caught;
  }
}

async function serveGroup(group: readonly ModbusDevice[], options: ServerOptions): Promise<ServedEndpoint> {
  const connection = group[0]?.connection ?? { host: "127.0.0.1", port: 0 };
  const host = options.host ?? connection.host;
  const units = Object.fromEntries(group.map((device) => [device.connection.unitId, {}]));
  const start = (port: number) => ModbusSimulator.start({ host, port, units, keepRequests: 0 });
  const server = await startAt(start, connection.port, host, options);
  const devices = group.map((mapping) => {
    const { unitId } = mapping.connection;
    const place = `${server.host}:${server.port} unit ${unitId}`;
    const device = new SimulatedModbusDevice(mapping, server.unit(unitId), place);
    device.keepMapped();
    return device;
  });
  return { server, mappedPort: connection.port, devices };
}

/** True for the devices that a Modbus server stands for. */
export function isModbus(device: DeviceMapping): device is ModbusDevice {
  return device.adapter === "modbus";
}
