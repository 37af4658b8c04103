import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { subscribeEarly } from "../nats-client.ts";
import { latency } from "../statistics.ts";

const otherTags = 1_000;
const settleMs = 3_000;
const measureMs = 10_000;

/**
 * A PLC whose one register counts its own reads: the value names the read it was given out by, so that a subscriber can
 * tell when that was.
 */
async function countingPlc(): Promise<{ simulator: ModbusSimulator; readAt: Map<number, number> }> {
  const readAt = new Map<number, number>();
  let count = 0;
  const simulator = await ModbusSimulator.start({
    keepRequests: 1,
    delay: () => {
      readAt.set(count, performance.now());
      count += 1;
      simulator.unit().holding.put(0, "uint32", count);
      return 0;
    },
  });
  simulator.unit().holding.put(0, "uint32", 0);
  return { simulator, readAt };
}

/** From the answer that carries a register to its receipt by a NATS subscriber in another process, with other traffic. */
export async function latencies(random: () => number) {
  await using site = await makeSite({ tags: otherTags, interval: "1s", random });
  const { simulator, readAt } = await countingPlc();
  await using _ = simulator;
  const device = [
    "device: probe",
    "adapter: modbus",
    `connection: { transport: tcp, host: 127.0.0.1, port: ${simulator.port} }`,
    "poll: { fast: 10ms }",
    `tags: { count: { address: "holding:0", type: uint32, poll: fast } }`,
  ];
  writeFileSync(join(site.dir, "devices", "probe.yaml"), `${device.join("\n")}\n`);
  await using gateway = await runGateway(site.dir);
  await delay(settleMs);
  const took: number[] = [];
  await using client = await subscribeEarly(
    gateway.nats,
    "data.bench.line1.probe.count",
    (_subject, data) => {
      const now = performance.now();
      const { value } = JSON.parse(Buffer.from(data).toString()) as { value: number };
      const at = readAt.get(value);
      if (at !== undefined) took.push(now - at);
    },
  );
  await client.firstAt;
  await delay(measureMs);
  return { latencyMs: { readToNats: latency(took) } };
}
