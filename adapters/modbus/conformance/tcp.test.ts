import { testConformance } from "../../../src/adapter-kit/testing.ts";
import { modbusAdapter } from "../adapter.ts";
import { networkWire } from "../../../simulators/modbus/wires.ts";
import { conformingDevice } from "./testing.ts";

testConformance({
  module: modbusAdapter,
  start: async () =>
    conformingDevice(await networkWire(), [
      { kind: "wrong-length" },
      { kind: "wrong-transaction" },
      { kind: "wrong-protocol" },
      { kind: "close" },
    ]),
});
