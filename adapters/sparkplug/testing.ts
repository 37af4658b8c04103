import { onTestFinished } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import type { LocalBroker } from "../../src/adapter-kit/index.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { startBroker } from "../../src/broker/testing.ts";
import { BusRegistry } from "../../src/adapter-kit/bus.ts";
import { SimulatedEdgeNode } from "../../simulators/sparkplug/edge-node.ts";
import { sparkplugAdapter } from "./adapter.ts";
import type { SparkplugDeviceMapping } from "./mapping.ts";

/** The adapter of this device running on the broker, stopped with the test. */
export async function runOn(
  broker: LocalBroker,
  device: SparkplugDeviceMapping,
  buses: BusRegistry = new BusRegistry(),
  gateway?: string,
) {
  const context = new RecordingContext({ broker, buses, ...(gateway === undefined ? {} : { gateway }) });
  const adapter = sparkplugAdapter.create(device, context);
  const stop = new AbortController();
  await adapter.connect(stop.signal);
  const ran = adapter.run(stop.signal).catch(() => undefined);
  const end = async () => {
    stop.abort();
    await ran;
    await adapter.close();
  };
  onTestFinished(end);
  return { context, adapter, end };
}

/** A broker, and the edge node `plant/edge-1` on it with the devices `press` and `pump`, which stand still. */
export async function startNode(prepare: (node: SimulatedEdgeNode) => void = () => undefined) {
  const started = await startBroker();
  const node = new SimulatedEdgeNode({ group: "plant", node: "edge-1" });
  node.define(undefined, "Uptime", "uint32");
  node.set(undefined, "Uptime", 7);
  node.define("press", "Pressure", "float64");
  node.set("press", "Pressure", 182.4);
  node.define("press", "Setpoint", "int32");
  node.set("press", "Setpoint", 100);
  node.define("pump", "Flow", "float64");
  node.set("pump", "Flow", 12.5);
  prepare(node);
  const connection = { broker: `mqtt://127.0.0.1:${started.port}`, clock: systemClock, period: 10 };
  onTestFinished(() => node.stop());
  return { ...started, node, start: () => node.start(connection) };
}
