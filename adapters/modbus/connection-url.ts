import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { ConnectionUrl } from "../../src/adapter-kit/schema.ts";

/** What is shorter on a command line than in a mapping. */
const shortKeys: Readonly<Record<string, string>> = { baud: "baudRate", unit: "unitId" };

/** A Modbus device without a mapping: `modbus-tcp://10.0.0.5:502/1`, `modbus-rtu:///dev/ttyUSB0?baud=19200&unit=3`. */
export const connectionUrl: ConnectionUrl = {
  schemes: ["modbus-tcp", "modbus-rtu"],
  examples: [
    "modbus-tcp://10.0.0.5:502/1 (the unit id last)",
    "modbus-rtu:///dev/ttyUSB0?baud=19200&parity=even&unit=3",
  ],
  connection: (url) => ({ ...placeOf(url), ...queryOf(url) }),
};

function placeOf(url: URL): Record<string, unknown> {
  if (url.protocol === "modbus-rtu:") return { transport: "rtu", path: decodeURIComponent(url.pathname) };
  const unit = /^\/?(.*?)\/?$/.exec(url.pathname)?.[1] ?? "";
  if (!/^\d*$/.test(unit)) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${url.href}: ${unit} is no unit id. Allowed: 0 to 255 behind the port, such as modbus-tcp://10.0.0.5:502/1.`,
    );
  }
  return {
    transport: "tcp",
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
