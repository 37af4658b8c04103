import { expect, test } from "vitest";
import * as z from "zod";
import { deviceOf, tagOf } from "./mapping-fixture.ts";
import { modbusSchema } from "./schema.ts";

test("a device with nothing but a host has every default", () => {
  const { connection, options } = deviceOf([]);
  expect(connection).toEqual({
    transport: "tcp",
    host: "127.0.0.1",
    port: 502,
    unitId: 1,
    timeout: 500,
    connectTimeout: 3_000,
    pauseAfterConnect: 0,
    pauseBetweenRequests: 0,
    turnaround: 0,
  });
  expect(options).toEqual({
    order: "ABCD",
    stringOrder: "AB",
    requests: {
      maxRegisters: 125,
      maxBits: 2_000,
      holes: [],
      grouping: "least-time",
      cost: { request: 5, register: 0.01 },
    },
    writes: { bits: "read-modify-write", single: "single" },
  });
});

test.each([
  [40_041, { table: "holding", offset: 40 }],
  [400_041, { table: "holding", offset: 40 }],
  [30_001, { table: "input", offset: 0 }],
])("Modicon's %d without quotes is the register that it is with them", (address, found) => {
  expect(modbusSchema.tag.parse({ address })).toMatchObject({ address: found });
});

test("the schema for editors takes an address with quotes and Modicon's without", () => {
  const editors = z.toJSONSchema(modbusSchema.tag, {
    io: "input",
    target: "draft-7",
    unrepresentable: "any",
  });
  expect(editors).toHaveProperty("properties.address.type", ["string", "integer"]);
});

test.each([41, 50_041, 40_041.5, true])("%j without quotes is refused", (address) => {
  expect(modbusSchema.tag.safeParse({ address }).success).toBe(false);
});

test("a device's file becomes plain data, in canonical names", () => {
  const device = deviceOf(
    [tagOf({ address: "400041", type: "Float32", order: "word-swap" }), tagOf({ address: "holding:0.3" })],
    { options: { order: "little-endian", requests: { holes: ["holding:60..69"] } } },
  );
  expect(structuredClone(device)).toEqual(device);
  expect(device.options).toMatchObject({
    order: "DCBA",
    requests: { holes: [{ table: "holding", start: 60, end: 69 }] },
  });
  expect(device.tags[0]).toMatchObject({
    options: { address: { table: "holding", offset: 40 }, type: { kind: "float32" }, order: "CDAB" },
    value: { kind: "float", single: true },
  });
  expect(device.tags[1]?.value).toEqual({ kind: "boolean" });
});

test.each([
  ["coil:0", { kind: "boolean" }],
  ["discrete:7", { kind: "boolean" }],
  ["input:7.15", { kind: "boolean" }],
  ["input:7", { kind: "integer", min: 0n, max: 65_535n }],
])("a tag at %s that names no type is %o", (address, value) => {
  expect(tagOf({ address }).value).toEqual(value);
});

test.each([
  [{ address: "holdng:40" }, "there is no table", "holding:40"],
  [{ address: "holding:0", type: "real" }, "there is no type real", "float32"],
  [{ address: "holding:0", order: "ABDC" }, "there is no order ABDC", "ABCD"],
])("a mistake in %o carries what is allowed and what was meant", (keys, message, meant) => {
  const { error } = modbusSchema.tag.safeParse(keys);
  expect(error?.issues).toEqual([
    expect.objectContaining({
      code: "custom",
      message: expect.stringContaining(message),
      params: expect.objectContaining({ allowed: expect.any(String), meant }),
    }),
  ]);
});

test("an address that YAML reads as a number asks for quotes", () => {
  const { error } = modbusSchema.tag.safeParse({ address: 41 });
  expect(error?.issues[0]?.message).toContain("in quotes");
});

test.each([
  [{ unitId: 256 }],
  [{ port: 0 }],
  [{ timeout: "0ms" }],
  [{ timeout: 500 }],
  [{ transport: "udp" }],
  [{ hosts: "x" }],
])("the connection %o is refused", (keys) => {
  expect(() => deviceOf([], { connection: keys })).toThrow(z.ZodError);
});

test("a serial line has the specification's defaults, 8E1 in RTU and 7E1 in ASCII", () => {
  const rtu = deviceOf([], { connection: { transport: "rtu", port: "/dev/ttyUSB0" } }).connection;
  expect(rtu).toMatchObject({
    unitId: 1,
    baud: 19_200,
    parity: "even",
    dataBits: 8,
    stopBits: 1,
    rts: "driver",
  });
  const ascii = deviceOf([], { connection: { transport: "ascii", port: "/dev/ttyUSB0" } }).connection;
  expect(ascii).toMatchObject({ dataBits: 7, parity: "even", stopBits: 1 });
});

test.each([
  [{ transport: "rtu", port: "/dev/ttyUSB0", host: "10.0.0.1" }],
  [{ transport: "rtu", port: 502 }],
  [{ transport: "rtu", port: "/dev/ttyUSB0", dataBits: 7 }],
  [{ transport: "rtu", port: "/dev/ttyUSB0", unitId: 0 }],
  [{ transport: "rtu-over-tcp", baud: 9_600 }],
  [{ transport: "rtu-over-tcp" }],
])("the connection %o does not fit its transport", (connection) => {
  expect(() => deviceOf([], { connection })).toThrow(z.ZodError);
});

test("devices on one serial port overlap by unit id, and share its settings", () => {
  const { connection, options } = deviceOf([], {
    connection: {
      transport: "rtu",
      port: "/dev/ttyUSB0",
      unitId: 7,
      baud: 9_600,
      parity: "none",
      stopBits: 2,
    },
  });
  expect(modbusSchema.endpoint?.(connection, options)).toBe("/dev/ttyUSB0/7");
  expect(modbusSchema.medium?.(connection)).toEqual({
    name: "/dev/ttyUSB0",
    settings: "rtu 9600 8N2, rts driver",
  });
});

test("two devices overlap where host, port and unit id are the same", () => {
  const { connection, options } = deviceOf([], { connection: { port: 1_502, unitId: 7 } });
  expect(modbusSchema.endpoint?.(connection, options)).toBe("127.0.0.1:1502/7");
});

test("the case of a host makes no other device", () => {
  const { connection, options } = deviceOf([], { connection: { host: "PLC-7.Plant.local" } });
  expect(modbusSchema.endpoint?.(connection, options)).toBe("plc-7.plant.local:502/1");
});

test("the schema can be shown to an editor, with examples of what needs a form", () => {
  const shown = JSON.stringify(z.toJSONSchema(modbusSchema.tag, { io: "input" }));
  expect(shown).toContain('"examples":["holding:40"');
  expect(shown).toContain('"BADCFEHG"');
});
