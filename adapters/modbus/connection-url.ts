import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { ConnectionUrl } from "../../src/adapter-kit/schema.ts";

/** What is shorter on a command line than in a mapping. */
const shortKeys: Readonly<Record<string, string>> = { unit: "unitId" };

/** The transports by scheme; those over a serial port have its path where others have a host. */
const transports: Readonly<Record<string, { readonly transport: string; readonly serial: boolean }>> = {
  "modbus-tcp:": { transport: "tcp", serial: false },
  "modbus-rtu-over-tcp:": { transport: "rtu-over-tcp", serial: false },
  "modbus-rtu:": { transport: "rtu", serial: true },
  "modbus-ascii:": { transport: "ascii", serial: true },
};

/** A Modbus device without a mapping: `modbus-tcp://10.0.0.5:502/1`, `modbus-rtu:///dev/ttyUSB0?baud=19200&unit=3`. */
export const connectionUrl: ConnectionUrl = {
  schemes: Object.keys(transports).map((protocol) => protocol.slice(0, -1)),
  examples: [
    "modbus-tcp://10.0.0.5:502/1 (the unit id last)",
    "modbus-rtu:///dev/ttyUSB0?baud=19200&parity=even&unit=3",
  ],
  connection: (url) => ({ ...placeOf(url), ...queryOf(url) }),
};

function placeOf(url: URL): Record<string, unknown> {
  const { transport, serial } = transports[url.protocol] ?? { transport: url.protocol, serial: false };
  if (serial) return { transport, port: decodeURIComponent(url.pathname) };
  const unit = /^\/?(.*?)\/?$/.exec(url.pathname)?.[1] ?? "";
  if (!/^\d*$/.test(unit)) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${url.href}: ${unit} is no unit id. Allowed: 0 to 255 behind the port, such as modbus-tcp://10.0.0.5:502/1.`,
    );
  }
  return {
    transport,
    // Square brackets belong to the URL, not to the address (RFC 3986 §3.2.2).
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(unit === "" ? {} : { unitId: Number(unit) }),
  };
}

/** Every other key of `connection:` by its own name: `?timeout=2s&unit=3`. */
function queryOf(url: URL): Record<string, unknown> {
  return Object.fromEntries(
    [...url.searchParams].map(([key, text]) => [
      shortKeys[key] ?? key,
      /^\d+$/.test(text) ? Number(text) : text,
    ]),
  );
}
