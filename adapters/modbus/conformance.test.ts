import { ms } from "../../src/adapter-kit/index.ts";
import { testConformance, type SimulatedFault } from "../../src/adapter-kit/testing.ts";
import { ModbusSimulator, type Fault } from "../../simulators/modbus/server.ts";
import { modbusAdapter } from "./adapter.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";

const poll = { name: "fast", interval: ms(20) };

function injected(simulator: ModbusSimulator, fault: Fault): SimulatedFault {
  let before = 0;
  let heal = () => undefined as unknown;
  return {
    name: fault.kind,
    begin: () => {
      before = simulator.requestCount;
      heal = simulator.inject(fault);
    },
    bites: () => simulator.requestCount >= before + 4,
    end: () => void heal(),
  };
}

testConformance({
  module: modbusAdapter,
  start: async () => {
    const simulator = await ModbusSimulator.start();
    const { holding, coil } = simulator.unit();
    holding.set(0, 1, 2, 3);
    coil.set(0, 1);
    holding.keepOnly([0, 9]);
    const connection = { port: simulator.port, timeout: "60ms", connectTimeout: "500ms" };
    const tags = [
      tagOf({ address: "holding:0" }, { name: "speed", poll, write: { options: {} } }),
      tagOf({ address: "holding:1" }, { name: "force", poll }),
      tagOf({ address: "coil:0" }, { name: "running", poll }),
    ];
    const missing = tagOf({ address: "holding:10" }, { name: "missing", poll });
    const kinds: readonly Fault[] = [
      { kind: "drop" },
      { kind: "exception", code: 2 },
      { kind: "exception", code: 6 },
      { kind: "exception", code: 11 },
      { kind: "junk" },
      { kind: "truncated" },
      { kind: "short" },
      { kind: "wrong-length" },
      { kind: "wrong-transaction" },
      { kind: "wrong-protocol" },
      { kind: "wrong-unit" },
      { kind: "wrong-function" },
      { kind: "wrong-byte-count" },
      { kind: "split", size: 3, gapMs: 2 },
      { kind: "late" },
      { kind: "duplicate" },
      { kind: "close" },
    ];
    let frozenAt = 0;
    return {
      device: deviceOf(tags, { connection }),
      flawed: { device: deviceOf([...tags, missing], { connection }), badTag: "missing" },
      writable: { tag: "speed", value: 7 },
      faults: [
        ...kinds.map((fault) => injected(simulator, fault)),
        {
          name: "frozen",
          begin: () => {
            frozenAt = simulator.requestCount;
            simulator.freeze();
          },
          bites: () => simulator.requestCount > frozenAt + 4,
          end: () => simulator.clearFaults(),
        },
        { name: "restart", begin: () => simulator.restart(), bites: () => true, end: () => undefined },
        {
          name: "refused connections",
          begin: () => simulator.refuse(),
          bites: () => simulator.connectionCount === 0,
          end: () => simulator.listen(),
        },
      ],
      contacts: () => simulator.acceptedCount + simulator.requestCount,
      stop: () => simulator.refuse(),
    };
  },
});
