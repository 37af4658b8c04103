import { systemClock } from "../../src/adapter-kit/clock.ts";
import { toGatewayError } from "../../src/domain/errors.ts";
import { readArguments, usage, type Arguments, type SparkplugFault } from "./arguments.ts";
import { SimulatedEdgeNode } from "./edge-node.ts";

const stepMs = 250;
const faultMs = 5_000;

function inject(node: SimulatedEdgeNode, device: string, fault: SparkplugFault): void {
  console.log(`fault: ${fault}`);
  switch (fault) {
    case "sequence-gap":
      node.skipSequence();
      break;
    case "swapped":
      node.swapNext();
      break;
    case "unknown-alias":
      node.sendUnknownAlias(device);
      break;
    case "garbage":
      node.sendGarbage(device);
      break;
    case "cut":
      node.cut(faultMs);
      break;
    case "device-death":
      node.loseDevice(device);
      setTimeout(() => node.returnDevice(device), faultMs).unref();
      break;
    case "stale-death":
      node.sendStaleDeath();
      break;
    case "no-rebirth":
      node.ignoresRebirths = true;
      break;
  }
}

function serve({ device, faults, ...options }: Arguments): void {
  const node = new SimulatedEdgeNode({ group: options.group, node: options.node });
  node.define(device, "Temperature", "float32");
  node.define(device, "Parts", "uint64");
  node.define(device, "Running", "bool");
  node.define(device, "Setpoint", "int32");
  node.set(device, "Setpoint", 100);
  let steps = 0;
  const step = () => {
    steps += 1;
    node.set(device, "Temperature", Math.round((60 + 5 * Math.sin(steps / 20)) * 10) / 10);
    node.set(device, "Parts", BigInt(Math.floor(steps / 8)));
    node.set(device, "Running", steps % 80 < 60);
  };
  step();
  const timers = [
    setInterval(step, stepMs),
    ...faults.map(({ fault, at }) => setTimeout(() => inject(node, device, fault), at)),
  ];
  node.start({ ...options, clock: systemClock, period: stepMs });
  const stop = () => {
    for (const timer of timers) clearInterval(timer);
    void node.stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  console.log(`Sparkplug ${options.group}/${options.node}/${device} → ${options.broker}`);
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) console.log(usage);
  else serve(options);
} catch (caught) {
  console.error(toGatewayError(caught).message);
  process.exitCode = 1;
}
