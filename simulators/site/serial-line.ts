import { accessSync, constants, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { timingOf } from "../../adapters/modbus/line-timing.ts";
import { isSerial, type SerialConnection } from "../../adapters/modbus/mapping.ts";
import { GatewayError, toGatewayError } from "../../src/domain/errors.ts";
import { openPseudoTerminal } from "../modbus/pseudo-terminal.ts";
import { ModbusSimulator } from "../modbus/server.ts";
import type { Carrier } from "./modbus-servers.ts";
import type { ServerOptions } from "./ports.ts";

/**
 * A serial line as the mapping has it: a pseudo-terminal under the mapping's own path, or, where that can't be had and
 * need not be, under a temporary one. Characters take as long as at the mapping's baud rate.
 */
export async function serveLine(
  connection: SerialConnection,
  units: Readonly<Record<number, object>>,
  ports: ServerOptions["ports"],
): Promise<Carrier> {
  const place = placeFor(connection.port, ports);
  const server = new ModbusSimulator({
    units,
    characterMs: timingOf(connection).characterMs,
    keepRequests: 0,
  });
  const line = await openPseudoTerminal(place.path).catch((caught: unknown) => {
    place.remove();
    throw toGatewayError(caught);
  });
  server.attach(line.stream, connection.transport);
  return {
    server,
    place: place.path,
    moved: place.path === connection.port ? undefined : [connection.port, place.path],
    redirected: (from) => (isSerial(from) ? { ...from, port: place.path } : from),
    stop: async () => {
      await server.refuse();
      await line.close();
      place.remove();
    },
  };
}

function placeFor(mapped: string, ports: ServerOptions["ports"]): { readonly path: string; remove(): void } {
  const isTaken = existsSync(mapped) || !isWritable(dirname(mapped));
  if (ports === "free" || (ports === "free-if-taken" && isTaken)) {
    const folder = mkdtempSync(join(tmpdir(), "linegate-line-"));
    return { path: join(folder, "port"), remove: () => rmSync(folder, { recursive: true, force: true }) };
  }
  if (!isTaken) return { path: mapped, remove: () => undefined };
  throw new GatewayError(
    "CONFIG_INVALID",
    `A simulated line can't be put at ${mapped}: ${existsSync(mapped) ? "something is there, perhaps the real port" : "its folder can't be written to"}. ` +
      "With --ports free-if-taken it gets another path, which is told.",
  );
}

function isWritable(folder: string): boolean {
  // The port of a simulated line is no device: it does not belong into /dev, even where root may put it there.
  if (folder === "/dev" || folder.startsWith("/dev/")) return false;
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
