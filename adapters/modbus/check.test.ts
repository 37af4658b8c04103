import { expect, test } from "vitest";
import { checkDevice } from "./check.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";

const name = "ram/pressure";
const writable = { name, write: { options: {} } };

test("a device without mistakes has none", () => {
  const device = deviceOf(
    [
      tagOf({ address: "holding:65532", type: "float64", order: "CDAB" }),
      tagOf({ address: "holding:0", type: "uint16", order: "CDAB" }),
      tagOf({ address: "holding:0.3", order: "BA" }),
      tagOf({ address: "holding:10", type: "string(20)", stringOrder: "BA" }, writable),
      tagOf({ address: "holding:59" }),
      tagOf({ address: "input:60", type: "bool" }),
      tagOf({ address: "coil:65535" }, writable),
    ],
    { options: { order: "GHEFCDAB", requests: { holes: ["holding:60..69"] } } },
  );
  expect(checkDevice(device)).toEqual([]);
});

test.each([
  [{ address: "coil:3", type: "float32" }, "type", "coil:3 is a single bit and can't hold float32"],
  [{ address: "holding:40.3", type: "uint16" }, "type", "names one bit of a register"],
  [
    { address: "holding:65533", type: "float64" },
    "address",
    "float64 at holding:65533 reaches holding:65536",
  ],
  [{ address: "input:65535", type: "string(3)" }, "address", "beyond the last address 65535"],
  [{ address: "holding:58", type: "int64" }, "address", "never to read holding:60..69"],
  [{ address: "coil:9" }, "address", "never to read coil:9"],
  [
    { address: "holding:0", type: "string(61)" },
    "type",
    "takes 31 registers, and requests.maxRegisters is 30",
  ],
  [
    { address: "holding:0", type: "float32", order: "BA" },
    "order",
    "order BA is for 16 bits; float32 has 32",
  ],
  [{ address: "holding:0", type: "float32", order: "GHEFCDAB" }, "order", "is for 64 bits; float32 has 32"],
  [{ address: "coil:0", order: "ABCD" }, "order", "coil:0 is a single bit and has no byte order"],
  [{ address: "holding:0", type: "string(4)", order: "CDAB" }, "order", "never applied to the characters"],
  [{ address: "holding:0", stringOrder: "BA" }, "stringOrder", "has no meaning for uint16"],
])("%o: the mistake is found at %s", (keys, key, message) => {
  const device = deviceOf([tagOf(keys)], {
    options: { requests: { maxRegisters: 30, holes: ["holding:60..69", "coil:9"] } },
  });
  expect(checkDevice(device)).toEqual([
    expect.objectContaining({
      path: ["tags", name, key],
      message: expect.stringContaining(message),
      allowed: expect.any(String),
    }),
  ]);
});

test("a device's order for 16 bits says nothing of longer values", () => {
  const tags = [
    tagOf({ address: "holding:0", type: "float32" }),
    tagOf({ address: "holding:2" }),
    tagOf({ address: "holding:3", type: "string(4)" }),
    tagOf({ address: "coil:0" }),
  ];
  const issues = checkDevice(deviceOf(tags, { options: { order: "BA" } }));
  expect(issues).toEqual([
    expect.objectContaining({
      message: "order BA (the device's order) is for 16 bits; float32 has 32",
      allowed: "ABCD, CDAB, BADC, DCBA",
    }),
  ]);
});

test("an order that is too long for the type tells its short name", () => {
  const tag = tagOf({ address: "holding:0", type: "float32", order: "GHEFCDAB" });
  expect(checkDevice(deviceOf([tag]))[0]).toMatchObject({ meant: "CDAB" });
});

test.each([
  [{ address: "discrete:0" }, "the table discrete can't be written to", "coil"],
  [{ address: "input:0" }, "the table input can't be written to", "holding"],
  [
    { address: "holding:0", type: "string(248)" },
    "takes 124 registers, and one write carries 123",
    undefined,
  ],
])("a write entry at %o is a mistake", (keys, message, meant) => {
  const issues = checkDevice(deviceOf([tagOf(keys, writable)]));
  expect(issues).toHaveLength(1);
  expect(issues[0]).toMatchObject({
    path: ["tags", name, "write"],
    message: expect.stringContaining(message),
  });
  expect(issues[0]?.meant).toBe(meant);
});
