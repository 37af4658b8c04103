import { ms } from "../../../src/adapter-kit/index.ts";
import type { SimulatedFault } from "../../../src/adapter-kit/testing.ts";
import type { Wire } from "../../../simulators/modbus/wires.ts";
import type { Fault, ModbusSimulator } from "../../../simulators/modbus/server.ts";
import { deviceOf, tagOf } from "../mapping-fixture.ts";

const poll = { name: "fast", interval: ms(20) };

/** For tests: what goes wrong on lines alone. */
export const lineFaults: readonly Fault[] = [
  { kind: "bad-crc" },
  { kind: "dead" },
  { kind: "echo" },
  { kind: "slow", characterMs: 1 },
];

function injected(simulator: ModbusSimulator, fault: Fault): SimulatedFault {
  let before = 0;
  let heal = () => undefined as unknown;
  return {
    name: fault.kind,
    begin: () => {
      before = simulator.requestCount;
      heal = simulator.inject(fault);
    },
    // Tags that are refused are looked at one by one: a fault that ends amid that leaves the last of them for the next try.
    bites: () => simulator.requestCount >= before + (fault.kind === "exception" ? 12 : 4),
    end: () => void heal(),
  };
}

/** For tests: what the conformance suite wants to know, for a device behind the wire, with these faults and the usual ones. */
export function conformingDevice(wire: Wire, kinds: readonly Fault[]) {
  const { simulator } = wire;
  const { holding, coil } = simulator.unit();
  holding.set(0, 1, 2, 3);
  coil.set(0, 1);
  holding.keepOnly([0, 9]);
  const connection = { ...wire.connection, timeout: "150ms" };
  const tags = [
    tagOf({ address: "holding:0" }, { name: "speed", poll, write: { options: {} } }),
    tagOf({ address: "holding:1" }, { name: "force", poll }),
    tagOf({ address: "coil:0" }, { name: "running", poll }),
  ];
  const missing = tagOf({ address: "holding:10" }, { name: "missing", poll });
  const usual: readonly Fault[] = [
    { kind: "drop" },
    { kind: "exception", code: 2 },
    { kind: "exception", code: 6 },
    { kind: "exception", code: 11 },
    { kind: "junk" },
    { kind: "truncated" },
    { kind: "short" },
    { kind: "wrong-unit" },
    { kind: "wrong-function" },
    { kind: "wrong-byte-count" },
    { kind: "split", size: 3, gapMs: 2 },
    { kind: "late" },
    { kind: "duplicate" },
  ];
  let frozenAt = 0;
  let gone = false;
  return {
    device: deviceOf(tags, { connection }),
    flawed: { device: deviceOf([...tags, missing], { connection }), badTag: "missing" },
    writable: { tag: "speed", value: 7 },
    faults: [
      ...[...usual, ...kinds].map((fault) => injected(simulator, fault)),
      {
        name: "frozen",
        begin: () => {
          frozenAt = simulator.requestCount;
          simulator.freeze();
        },
        bites: () => simulator.requestCount > frozenAt + 4,
        end: () => simulator.clearFaults(),
      },
      {
        name: "restart",
        begin: async () => {
          await wire.leave();
          await wire.comeBack();
        },
        bites: () => true,
        end: () => undefined,
      },
      {
        name: "away",
        begin: async () => {
          await wire.leave();
          gone = true;
        },
        bites: () => gone && simulator.connectionCount === 0,
        end: () => wire.comeBack(),
      },
    ],
    contacts: () => simulator.requestCount + wire.connections(),
    stop: () => wire.stop(),
  };
}
