import { testConformance, type SimulatedFault } from "../../src/adapter-kit/testing.ts";
import { OpcuaSimulator } from "../../simulators/opcua/server.ts";
import { opcuaAdapter } from "./adapter.ts";
import { deviceAt, press } from "./testing.ts";

const tags = {
  counter: { node: press("Counter"), type: "uint32" },
  pressure: { node: press("Pressure"), type: "float64" },
  setpoint: { node: press("Setpoint"), type: "uint16", write: {} },
  profile: { node: press("Profile") },
  polled: { node: press("Total"), type: "int64", mode: "poll" },
  named: {
    path: "/Objects/<nsu=http://example.com/line>Press/<nsu=http://example.com/line>Name",
    type: "string",
  },
} as const;

/** A fault that a new session is the sign of. */
function fault(
  name: string,
  simulator: OpcuaSimulator,
  begin: () => void | (() => void) | Promise<void>,
): SimulatedFault {
  let before = 0;
  let end: void | (() => void);
  return {
    name,
    begin: async () => {
      before = simulator.contacts;
      end = await begin();
    },
    bites: () => simulator.contacts > before,
    end: () => end?.(),
  };
}

testConformance({
  module: opcuaAdapter,
  start: async () => {
    const simulator = await OpcuaSimulator.start({ line: true });
    const device = (more = {}) =>
      deviceAt(
        simulator.endpoint,
        { ...tags, ...more },
        { options: { heartbeat: "1s" }, connection: { timeout: "1s" } },
      );
    return {
      device: device(),
      reportsByException: true,
      flawed: { device: device({ missing: { node: press("Missing") } }), badTag: "missing" },
      writable: { tag: "setpoint", value: 1_100 },
      faults: [
        fault("a restart", simulator, () => simulator.restart()),
        fault("a download that changes the namespaces' order", simulator, () => simulator.download()),
        fault("a lost subscription", simulator, () => simulator.loseSubscriptions()),
        fault("a server that hangs", simulator, () => simulator.hang()),
        fault("a clock that stands still", simulator, () => simulator.standStill()),
      ],
      contacts: () => simulator.contacts,
      stop: () => simulator.stop(),
    };
  },
});
