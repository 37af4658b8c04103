import { testConformance } from "../../../src/adapter-kit/testing.ts";
import { modbusAdapter } from "../adapter.ts";
import { networkWire } from "../../../simulators/modbus/wires.ts";
import { conformingDevice, lineFaults } from "./testing.ts";

testConformance({
  module: modbusAdapter,
  start: async () =>
    conformingDevice(await networkWire({ framing: "rtu" }), [...lineFaults, { kind: "close" }]),
});
