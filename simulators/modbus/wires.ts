import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPseudoTerminal, type PseudoTerminal } from "./pseudo-terminal.ts";
import { ModbusSimulator, type SimulatorOptions } from "./server.ts";

/** A simulator that can be gone and come back under the same name. */
export interface Wire {
  readonly simulator: ModbusSimulator;
  readonly connection: object;
  /** How often somebody connected; a line that somebody opens does not show it. */
  connections(): number;
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

/** A simulator behind a TCP port. */
export async function networkWire(options: SimulatorOptions = {}): Promise<Wire> {
  const simulator = await ModbusSimulator.start(options);
  const transport = options.framing === "rtu" ? "rtu-over-tcp" : "tcp";
  return {
    simulator,
    connection: { transport, host: "127.0.0.1", port: simulator.port, connectTimeout: "500ms" },
    connections: () => simulator.acceptedCount,
    leave: () => simulator.refuse(),
    comeBack: () => simulator.listen(),
    stop: () => simulator.refuse(),
  };
}

/** A simulator at the other side of a pseudo-terminal. */
export async function serialWire(transport: "rtu" | "ascii", options: SimulatorOptions = {}): Promise<Wire> {
  const folder = mkdtempSync(join(tmpdir(), "linegate-line-"));
  const port = join(folder, "port");
  const simulator = new ModbusSimulator(options);
  let terminal: PseudoTerminal | undefined;
  const comeBack = async () => {
    terminal ??= await openPseudoTerminal(port);
    simulator.attach(terminal.stream, transport);
  };
  const leave = async () => {
    simulator.dropConnections();
    await terminal?.close();
    terminal = undefined;
  };
  await comeBack();
  return {
    simulator,
    connection: { transport, port, baud: 115_200 },
    connections: () => 0,
    leave,
    comeBack,
    stop: async () => {
      await leave();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
