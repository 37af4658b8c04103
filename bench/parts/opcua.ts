import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpcuaSimulator } from "../../simulators/opcua/server.ts";
import { runGateway } from "../gateway-process.ts";
import { usage } from "../usage.ts";

const settleMs = 10_000;
const samples = 5;
const everyMs = 1_000;

function node(index: number): string {
  return `nsu=http://example.com/bench;s=Zone${index % 10}.Value${index}`;
}

function siteFolder(endpoint: string, items: number): string {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-"));
  mkdirSync(join(dir, "devices"));
  const tags = Array.from(
    { length: items },
    (_none, index) =>
      `  zone${index % 10}/value${index}: { node: "${node(index)}", type: float32, unit: bar }`,
  );
  const device = [
    "device: plc-0",
    "adapter: opcua",
    `connection: { endpoint: "${endpoint}", security: { policy: none } }`,
    "publishingInterval: 1s",
    "samplingInterval: 1s",
    "tags:",
    ...tags,
  ];
  writeFileSync(join(dir, "devices", "plc-0.yaml"), `${device.join("\n")}\n`);
  const gateway = [
    "gateway: bench-gw",
    "site: bench/line1",
    "broker: { listen: 127.0.0.1:0 }",
    "nats: { embedded: { listen: 127.0.0.1:0, store: ./data, maxBytes: 256MB } }",
    "http: { listen: 127.0.0.1:0 }",
  ];
  writeFileSync(join(dir, "gateway.yaml"), `${gateway.join("\n")}\n`);
  return dir;
}

/** RSS of gateway and nats-server, and the gateway's CPU, with so many monitored items of which each changes once a second. */
async function measure(items: number, random: () => number) {
  const variables = Array.from({ length: items }, (_none, index) => ({
    node: node(index),
    name: `Value${index}`,
    builtIn: "Float",
    value: index,
    writable: false,
  }));
  const simulator = await OpcuaSimulator.start({ variables });
  const changing = setInterval(() => {
    for (const variable of variables) simulator.variable(variable.node).set(100 + random() * 50);
  }, everyMs);
  const dir = siteFolder(simulator.endpoint, items);
  try {
    await using gateway = await runGateway(dir);
    return await usage(gateway, settleMs, samples);
  } finally {
    clearInterval(changing);
    await simulator.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function opcua(random: () => number) {
  return {
    rssMb: { opcua1000: await measure(1_000, random), opcua10000: await measure(10_000, random) },
  };
}
