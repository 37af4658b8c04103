import { existsSync } from "node:fs";
import { toGatewayError } from "../../src/domain/errors.ts";
import { readArguments, usage, type Arguments } from "./arguments.ts";
import { openPseudoTerminal, openRealPort, type PseudoTerminal } from "./pseudo-terminal.ts";
import { ModbusSimulator } from "./server.ts";

/** A start bit, eight data bits and a stop bit. */
const bitsACharacter = 10;
const shownAddresses = 65_536;

async function serve(options: Arguments): Promise<void> {
  const simulator = new ModbusSimulator({
    host: options.host,
    port: options.port,
    framing: options.framing,
    characterMs:
      options.serial === undefined || existsSync(options.serial)
        ? 0
        : bitsACharacter / (options.baud / 1_000),
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
  const line = await listen(simulator, options);
  const stop = () => void simulator.refuse().then(() => line?.close());
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const place = line?.path ?? `${simulator.host}:${simulator.port}`;
  console.log(`Modbus ${options.framing.toUpperCase()} on ${place}, units ${options.units.join(", ")}`);
}

/** Undefined on TCP. */
async function listen(simulator: ModbusSimulator, options: Arguments): Promise<PseudoTerminal | undefined> {
  const { serial, baud, framing } = options;
  if (serial === undefined || framing === "tcp") {
    await simulator.listen();
    return undefined;
  }
  const line = await (existsSync(serial) ? openRealPort(serial, baud) : openPseudoTerminal(serial));
  simulator.attach(line.stream, framing);
  return line;
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await serve(options);
} catch (caught) {
  console.error(toGatewayError(caught).message);
  process.exitCode = 1;
}
