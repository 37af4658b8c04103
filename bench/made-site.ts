import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ModbusSimulator } from "../simulators/modbus/server.ts";

export interface MadeSite extends AsyncDisposable {
  readonly dir: string;
  readonly simulators: readonly ModbusSimulator[];
}

export interface MadeSiteOptions {
  readonly tags: number;
  readonly interval: string;
  readonly random: () => number;
  /** Tags of one device; each device is a simulator of its own. */
  readonly tagsPerDevice?: number;
  /** What the embedded nats-server may store. */
  readonly maxBytes?: string;
}

const registersEach = 2;

function deviceFile(index: number, port: number, tags: number, interval: string): string {
  const lines = [
    `device: plc-${index}`,
    "adapter: modbus",
    `connection: { transport: tcp, host: 127.0.0.1, port: ${port}, timeout: 2s }`,
    `poll: { normal: ${interval} }`,
    "tags:",
  ];
  for (let tag = 0; tag < tags; tag++) {
    lines.push(
      `  zone${tag % 10}/value${tag}: { address: "holding:${tag * registersEach}", type: float32, unit: bar }`,
    );
  }
  return `${lines.join("\n")}\n`;
}

/** A site folder of the given size with a simulated PLC behind every device; values change with each read of them. */
export async function makeSite({
  tags,
  interval,
  random,
  tagsPerDevice = 500,
  maxBytes = "256MB",
}: MadeSiteOptions): Promise<MadeSite> {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-"));
  mkdirSync(join(dir, "devices"));
  const simulators: ModbusSimulator[] = [];
  for (let index = 0; index * tagsPerDevice < tags; index++) {
    const here = Math.min(tagsPerDevice, tags - index * tagsPerDevice);
    const simulator = await ModbusSimulator.start({ keepRequests: 1 });
    const registers = simulator.unit().holding;
    for (let tag = 0; tag < here; tag++) registers.put(tag * registersEach, "float32", 100 + random() * 50);
    simulators.push(simulator);
    writeFileSync(
      join(dir, "devices", `plc-${index}.yaml`),
      deviceFile(index, simulator.port, here, interval),
    );
  }
  // Every tag a little different each half second, as sensors are; one device after the other, so that this process, which
  // observes as well, is never busy for long.
  let turn = 0;
  const wander = setInterval(
    () => {
      const registers = simulators[turn % simulators.length]?.unit().holding;
      turn += 1;
      for (let tag = 0; tag < tagsPerDevice; tag++)
        registers?.put(tag * registersEach, "float32", 100 + random() * 50);
    },
    Math.max(1, 500 / simulators.length),
  );
  const gateway = [
    "gateway: bench-gw",
    "site: bench/line1",
    "broker: { listen: 127.0.0.1:0 }",
    `nats: { embedded: { listen: 127.0.0.1:0, store: ./data, maxBytes: ${maxBytes} } }`,
    "http: { listen: 127.0.0.1:0 }",
  ];
  writeFileSync(join(dir, "gateway.yaml"), `${gateway.join("\n")}\n`);
  return {
    dir,
    simulators,
    [Symbol.asyncDispose]: async () => {
      clearInterval(wander);
      for (const simulator of simulators) await simulator.refuse();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
