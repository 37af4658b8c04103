import { expect, test } from "vitest";
import { connectionUrl } from "./connection-url.ts";
import { modbusSchema } from "./schema.ts";

const read = (text: string) => connectionUrl.connection(new URL(text));

test.each([
  ["modbus-tcp://10.0.0.5:1502/3", { transport: "tcp", host: "10.0.0.5", port: 1502, unitId: 3 }],
  ["modbus-tcp://plc", { transport: "tcp", host: "plc" }],
  [
    "modbus-tcp://[::1]:502?timeout=2s&unit=7",
    { transport: "tcp", host: "::1", port: 502, timeout: "2s", unitId: 7 },
  ],
  [
    "modbus-rtu:///dev/ttyUSB0?baud=19200&parity=even&unit=3",
    { transport: "rtu", port: "/dev/ttyUSB0", baud: 19200, parity: "even", unitId: 3 },
  ],
  [
    "modbus-rtu-over-tcp://10.0.0.9:4001/12",
    { transport: "rtu-over-tcp", host: "10.0.0.9", port: 4001, unitId: 12 },
  ],
])("%s is a connection as a mapping would say it", (text, connection) => {
  expect(read(text)).toEqual(connection);
});

test("a connection over TCP is one that the schema takes", () => {
  expect(modbusSchema.connection.safeParse(read("modbus-tcp://10.0.0.5/1")).success).toBe(true);
});

test("what is no unit id is said so", () => {
  expect(() => read("modbus-tcp://10.0.0.5/pump")).toThrow("pump is no unit id");
});
