import type { LocalBroker } from "../../src/adapter-kit/index.ts";
import { testConformance, type SimulatedFault } from "../../src/adapter-kit/testing.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { startBroker } from "../../src/broker/testing.ts";
import { SimulatedEdgeNode } from "../../simulators/sparkplug/edge-node.ts";
import { sparkplugAdapter } from "./adapter.ts";
import { deviceOf } from "./mapping-fixture.ts";

const press = "press";

/** An edge node with a press behind it, whose pressure and count move all the time. */
function movingNode(port: number) {
  const node = new SimulatedEdgeNode({ group: "plant", node: "edge-1" });
  node.define(press, "Ram/Pressure", "float32");
  node.define(press, "Count", "uint64");
  node.define(press, "Setpoint", "int32");
  let steps = 0;
  const step = () => {
    steps += 1;
    node.set(press, "Ram/Pressure", steps / 8);
    node.set(press, "Count", BigInt(steps));
    node.set(press, "Setpoint", steps % 100);
  };
  step();
  const timer = setInterval(step, 5);
  node.start({ broker: `mqtt://127.0.0.1:${port}`, clock: systemClock, period: 10 });
  const stop = async () => {
    clearInterval(timer);
    await node.stop();
  };
  return { node, stop };
}

/** A fault that the node gets over by a rebirth. */
function healedByRebirth(name: string, node: SimulatedEdgeNode, begin: () => void): SimulatedFault {
  let before = 0;
  return {
    name,
    begin: () => {
      before = node.rebirthRequests;
      begin();
    },
    bites: () => node.rebirthRequests > before,
    end: () => undefined,
  };
}

testConformance({
  module: sparkplugAdapter,
  start: async () => {
    const { broker, port } = await startBroker();
    const { node, stop } = movingNode(port);
    let contacts = 0;
    const counting: LocalBroker = {
      subscribe: (filter, onMessage) => {
        contacts += 1;
        return broker.subscribe(filter, onMessage);
      },
      publish: (...message) => {
        contacts += 1;
        broker.publish(...message);
      },
      onClient: (onChange) => broker.onClient(onChange),
    };
    const tags = {
      "ram/pressure": { metric: "Ram/Pressure" },
      count: { metric: "Count", type: "uint64" as const },
      setpoint: { metric: "Setpoint", type: "int32" as const, write: {} },
    };
    const cut: SimulatedFault = {
      name: "a cut connection",
      begin: () => node.cut(300),
      bites: () => !node.connected,
      end: () => undefined,
    };
    let lost = false;
    const death: SimulatedFault = {
      name: "a device that its node lost",
      begin: () => {
        node.loseDevice(press);
        lost = true;
      },
      bites: () => lost,
      end: () => node.returnDevice(press),
    };
    return {
      device: deviceOf(tags),
      flawed: { device: deviceOf({ ...tags, missing: { metric: "No/Such" } }), badTag: "missing" },
      writable: { tag: "setpoint", value: 7 },
      broker: counting,
      faults: [
        healedByRebirth("a sequence gap", node, () => node.skipSequence()),
        healedByRebirth("an unknown alias", node, () => node.sendUnknownAlias(press)),
        healedByRebirth("bytes that are no payload", node, () => node.sendGarbage(press)),
        death,
        cut,
      ],
      contacts: () => contacts,
      stop,
    };
  },
});
