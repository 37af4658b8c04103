import type { Clock } from "../../src/adapter-kit/index.ts";
import { asciiFraming } from "./ascii-framing.ts";
import { LinePort } from "./line-port.ts";
import { timingOf } from "./line-timing.ts";
import { ModbusLink, type LinkEvents } from "./link.ts";
import { endpointOf, isSerial, lineOf, type ModbusConnection } from "./mapping.ts";
import { MbapPort } from "./mbap-port.ts";
import { openNetwork } from "./open-stream.ts";
import { rtuFraming } from "./rtu-framing.ts";

/** Opens what the connection names, and puts modbus-serial on it. Rejects as the opening does, with nothing left open. */
export async function openLink(
  connection: ModbusConnection,
  events: LinkEvents,
  clock: Clock,
  signal: AbortSignal,
): Promise<ModbusLink> {
  const line = isSerial(connection)
    ? await (await import("./open-serial.ts")).openSerial(connection, signal)
    : await openNetwork(connection, signal);
  const framing = connection.transport === "ascii" ? asciiFraming : rtuFraming;
  const link = new ModbusLink({
    line,
    endpoint: endpointOf(connection),
    protocol: lineOf(connection),
    events,
    port: (handlers) =>
      connection.transport === "tcp"
        ? new MbapPort(line.stream, handlers)
        : new LinePort({ line, framing, timing: timingOf(connection), clock, handlers }),
  });
  link.start();
  return link;
}
