import {
  endpointOf,
  isSerial,
  type ModbusConnection,
  type ModbusDevice,
  type NetworkConnection,
} from "../../adapters/modbus/mapping.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import { ModbusSimulator } from "../modbus/server.ts";
import { SimulatedModbusDevice } from "./modbus-device.ts";
import { refuseForeignHost, startAt, type ServerOptions } from "./ports.ts";
import { serveLine } from "./serial-line.ts";
import type { Moved, SimulatedPart } from "./simulated-part.ts";

/** What carries a server's bytes: a host and port, or a serial line. */
export interface Carrier {
  readonly server: ModbusSimulator;
  /** `127.0.0.1:1502`, `/tmp/line1`. */
  readonly place: string;
  readonly moved: Moved | undefined;
  /** The connection that leads here. */
  redirected(connection: ModbusConnection): ModbusConnection;
  /** Idempotent; leaves no timer, no socket and no child. */
  stop(): Promise<void>;
}

/** Serves the devices, one server for each endpoint of their mappings. Rejects where one can't be served. */
export async function serveModbus(
  devices: readonly ModbusDevice[],
  options: ServerOptions,
): Promise<readonly SimulatedPart[]> {
  const groups = Map.groupBy(devices, ({ connection }) => endpointOf(connection));
  for (const { device, connection } of devices)
    if (!isSerial(connection)) refuseForeignHost(device, connection.host, options);
  const served: SimulatedPart[] = [];
  try {
    for (const group of groups.values()) served.push(await serveGroup(group, options));
    return served;
  } catch (caught) {
    await Promise.all(served.map((endpoint) => endpoint.stop()));
    throw caught;
  }
}

async function serveGroup(group: readonly ModbusDevice[], options: ServerOptions): Promise<SimulatedPart> {
  const [first] = group;
  if (first === undefined) throw new GatewayError("INTERNAL", "a server needs a device to stand for");
  const { connection } = first;
  const units = Object.fromEntries(group.map((device) => [device.connection.unitId, {}]));
  const carrier = isSerial(connection)
    ? await serveLine(connection, units, options.ports)
    : await serveNetwork(connection, units, options);
  const devices = group.map((mapping) => {
    const { unitId } = mapping.connection;
    const device = new SimulatedModbusDevice(
      mapping,
      carrier.server.unit(unitId),
      `${carrier.place} unit ${unitId}`,
    );
    device.keepMapped();
    return device;
  });
  return {
    devices,
    moved: carrier.moved,
    modbus: carrier.server,
    redirected: (mapping) =>
      isModbus(mapping) ? { ...mapping, connection: carrier.redirected(mapping.connection) } : mapping,
    stop: () => carrier.stop(),
  };
}

async function serveNetwork(
  connection: NetworkConnection,
  units: Readonly<Record<number, object>>,
  options: ServerOptions,
): Promise<Carrier> {
  const host = options.host ?? connection.host;
  const framing = connection.transport === "tcp" ? "tcp" : "rtu";
  const start = (port: number) => ModbusSimulator.start({ host, port, units, framing, keepRequests: 0 });
  const server = await startAt(start, connection.port, host, options);
  return {
    server,
    place: `${server.host}:${server.port}`,
    moved: server.port === connection.port ? undefined : [connection.port, server.port],
    redirected: (from) => (isSerial(from) ? from : { ...from, host: server.host, port: server.port }),
    stop: () => server.refuse(),
  };
}

/** True for the devices that a Modbus server stands for. */
export function isModbus(device: DeviceMapping): device is ModbusDevice {
  return device.adapter === "modbus";
}
