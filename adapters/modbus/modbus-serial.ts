import { createRequire, registerHooks } from "node:module";
import type modbusSerial from "modbus-serial";

/** modbus-serial's client. */
export type ModbusRtu = InstanceType<typeof modbusSerial.default>;

/**
 * modbus-serial's client class. Its index also loads its serial ports, and with them the native `serialport`: 10 MB of
 * memory that Modbus TCP has no use for. They are optional there, so here they are not to be found while it loads.
 * The first call loads, further ones are cheap.
 */
export function loadModbusRtu(): typeof modbusSerial.default {
  const require = createRequire(import.meta.url);
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      next(specifier === "serialport" ? "not-for-modbus-tcp:serialport" : specifier, context),
  });
  try {
    return (require("modbus-serial") as typeof modbusSerial).default;
  } finally {
    hooks.deregister();
  }
}
