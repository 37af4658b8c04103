import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { modbusAdapter } from "../../adapters/modbus/adapter.ts";
import type { ModbusDevice } from "../../adapters/modbus/mapping.ts";
import { modbusSchema } from "../../adapters/modbus/schema.ts";
import { RecordingContext } from "../../src/adapter-kit/recording-context.ts";
import { ms } from "../../src/domain/duration.ts";
import { latency, round } from "../statistics.ts";

const baud = 19_200;
const otherRegisters = 500;
const eventEveryMs = 250;
const measureMs = 20_000;

function mapping(port: string): ModbusDevice {
  const tag = (name: string, keys: object, interval: number) => {
    const options = modbusSchema.tag.parse(keys) as unknown as ModbusDevice["tags"][number]["options"];
    const poll = { name: `${interval}ms`, interval: ms(interval) };
    return { name, options, value: { kind: "json" }, scale: 1, offset: 0, poll } as const;
  };
  const others = Array.from({ length: otherRegisters }, (_, index) =>
    tag(`r${index}`, { address: `holding:${index}` }, 500),
  );
  return {
    device: "line",
    adapter: "modbus",
    connection: modbusSchema.connection.parse({ transport: "rtu", port, baud, parity: "none" }),
    options: modbusSchema.options.parse({}) as unknown as ModbusDevice["options"],
    tags: [tag("event", { address: "discrete:0", event: true }, eventEveryMs), ...others],
  };
}

/**
 * From the moment at which an event tag's poll is due to its sample, on a pseudo-terminal at 19200 baud where 500 other
 * registers are polled as fast as the line goes, beside the bound that the plan has for it. The bound holds as far as the
 * longest request took no longer than planned, which is the machine's business: it is told as well.
 */
export async function serial() {
  const folder = mkdtempSync(join(tmpdir(), "linegate-bench-"));
  const port = join(folder, "port");
  const script = join(import.meta.dirname, "..", "..", "simulators", "modbus", "main.ts");
  const simulator = spawn(process.execPath, [script, "--serial", port, "--baud", `${baud}`]);
  try {
    await once(simulator.stdout, "data");
    const device = mapping(port);
    const { took, longestMs } = await eventDelays(device);
    const [plan] = modbusAdapter.plan?.([device]) ?? [];
    const own = plan?.devices[0]?.groups[0]?.requests[0]?.costMs ?? Number.NaN;
    const boundMs = round((plan?.worstWait?.answeredMs ?? Number.NaN) + own, 1);
    const load = round(plan?.load ?? 0, 2);
    return { serial: { eventMs: latency(took), boundMs, longestRequestMs: round(longestMs, 1), load } };
  } finally {
    simulator.kill("SIGTERM");
    await once(simulator, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}

async function eventDelays(device: ModbusDevice) {
  let longestMs = 0;
  const context = Object.assign(new RecordingContext(), {
    metrics: {
      request: (_kind: string, tookMs: number) => {
        longestMs = Math.max(longestMs, tookMs);
      },
      fault: () => undefined,
    },
  });
  const adapter = modbusAdapter.create(device, context);
  await adapter.connect(AbortSignal.timeout(5_000));
  const stop = new AbortController();
  const took: number[] = [];
  // Polls are due at whole multiples of their interval after the start; the first round of all is no poll on the grid.
  const begun = performance.now();
  const settled = begun + 4 * eventEveryMs;
  context.emit = (samples) => {
    const now = performance.now();
    if (now > settled && samples.some(({ tag }) => tag === "event")) took.push((now - begun) % eventEveryMs);
  };
  const run = adapter.run(stop.signal);
  await delay(measureMs);
  stop.abort();
  await run;
  await adapter.close();
  return { took, longestMs };
}
