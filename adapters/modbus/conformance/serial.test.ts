import { describe, expect, test } from "vitest";
import { testConformance } from "../../../src/adapter-kit/testing.ts";
import { findSocat } from "../../../simulators/modbus/pseudo-terminal.ts";
import { modbusAdapter } from "../adapter.ts";
import { serialWire } from "../../../simulators/modbus/wires.ts";
import { conformingDevice, lineFaults } from "./testing.ts";

const hasSocat = findSocat() !== undefined;

test("has the socat that it needs for a pseudo-terminal", (ctx) => {
  if (!hasSocat) ctx.skip("socat is not installed: the conformance suite is not run over a serial port");
  expect(hasSocat).toBe(true);
});

describe.skipIf(!hasSocat).each(["rtu", "ascii"] as const)("over a serial port in %s", (transport) => {
  testConformance({
    module: modbusAdapter,
    start: async () => conformingDevice(await serialWire(transport), lineFaults),
  });
});
