import type { ModbusConnection, ModbusDevice } from "../../adapters/modbus/mapping.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import { ModbusSimulator } from "../modbus/server.ts";
import { isLoopback } from "../../src/adapter-kit/loopback.ts";
import { SimulatedModbusDevice } from "./modbus-device.ts";

export interface ServerOptions {
  /** Every server listens here, in place of the mapping's own hosts; without it, only loopback hosts are served. */
  readonly host?: string | undefined;
  /** What to do where a port of the mapping can't be had: fail, or take a free one. `free` takes a free one at once. */
  readonly ports: "mapped" | "free-if-taken" | "free";
}

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
  for (const { device, connection } of devices) refuseForeignHost(device, connection, options);
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
  const server = await (options.ports === "free" ? start(0) : listen(start, connection.port, host, options));
  const devices = group.map((mapping) => {
    const { unitId } = mapping.connection;
    const place = `${server.host}:${server.port} unit ${unitId}`;
    const device = new SimulatedModbusDevice(mapping, server.unit(unitId), place);
    device.keepMapped();
    return device;
  });
  return { server, mappedPort: connection.port, devices };
}

async function listen(
  start: (port: number) => Promise<ModbusSimulator>,
  port: number,
  host: string,
  { ports }: ServerOptions,
): Promise<ModbusSimulator> {
  try {
    return await start(port);
  } catch (cause) {
    if (ports === "free-if-taken") return start(0);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError(
      "CONFIG_INVALID",
      `A simulated device can't listen on ${host}:${port}: ${why}. Is the real device, or another simulator, there?`,
      { cause },
    );
  }
}

function refuseForeignHost(device: string, { host }: ModbusConnection, options: ServerOptions): void {
  if (options.host !== undefined || isLoopback(host)) return;
  throw new GatewayError(
    "CONFIG_INVALID",
    `${device} is at ${host}, which is not this machine's loopback. Say with --host where the simulated devices shall listen, such as --host 127.0.0.1.`,
  );
}

/** True for the devices that a Modbus server stands for. */
export function isModbus(device: DeviceMapping): device is ModbusDevice {
  return device.adapter === "modbus";
}
