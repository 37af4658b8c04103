import { toGatewayError } from "../../src/domain/errors.ts";
import { readArguments, usage, type Arguments } from "./arguments.ts";
import { ModbusSimulator } from "./server.ts";

const shownAddresses = 65_536;

async function serve(options: Arguments): Promise<void> {
  const simulator = new ModbusSimulator({
    host: options.host,
    port: options.port,
    units: Object.fromEntries(options.units.map((id) => [id, {}])),
    ...(options.maxConnections === undefined ? {} : { maxConnections: options.maxConnections }),
    keepRequests: 0,
  });
  for (const id of options.units) {
    const { coil, discrete, holding, input } = simulator.unit(id);
    for (let address = 0; address < shownAddresses; address += 1) {
      holding.set(address, address);
      input.set(address, address);
      coil.set(address, address % 2);
      discrete.set(address, address % 2);
    }
  }
  for (const { fault, scope } of options.faults) simulator.inject(fault, scope);
  if (options.frozen) simulator.freeze();
  await simulator.listen();
  const stop = () => void simulator.refuse();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  console.log(`Modbus TCP on ${simulator.host}:${simulator.port}, units ${options.units.join(", ")}`);
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await serve(options);
} catch (caught) {
  console.error(toGatewayError(caught).message);
  process.exitCode = 1;
}
