import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, isBitTable, parseAddress, parseHole, tables } from "./address.ts";
import { isMistake } from "./mistake.ts";

test.each(["holding:40", "40041", "400041", "4x0041", "4X00041", " Holding:40 ", "4x41"])(
  "%s is the holding register 40",
  (text) => {
    expect(parseAddress(text)).toEqual({ table: "holding", offset: 40 });
  },
);

test.each([
  ["holding:40.3", { table: "holding", offset: 40, bit: 3 }],
  ["40041.3", { table: "holding", offset: 40, bit: 3 }],
  ["4x0041.15", { table: "holding", offset: 40, bit: 15 }],
  ["30001", { table: "input", offset: 0 }],
  ["365536", { table: "input", offset: 65_535 }],
  ["10001", { table: "discrete", offset: 0 }],
  ["1x0008", { table: "discrete", offset: 7 }],
  ["00004", { table: "coil", offset: 3 }],
  ["000004", { table: "coil", offset: 3 }],
  ["49999", { table: "holding", offset: 9_998 }],
  ["input:65535", { table: "input", offset: 65_535 }],
])("%s is read as meant", (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});

test.each([
  ["holding:65536", "beyond the last address", undefined],
  ["465537", "beyond the last address", undefined],
  ["4x0000", "one-based", undefined],
  ["40000", "one-based", undefined],
  ["holdng:40", "no table holdng", "holding:40"],
  ["register:40", "no table register", undefined],
  ["40", "no Modbus address", "holding:40"],
  ["20041", "no Modbus address", "holding:20041"],
  ["holding:-1", "no Modbus address", undefined],
  ["holding:4:1", "no Modbus address", undefined],
  ["holding:40.16", "no bit 16", undefined],
  ["coil:3.1", "no bits of their own", "coil:3"],
  ["", "no Modbus address", undefined],
  ["holding:", "no Modbus address", undefined],
  ["50041", "no Modbus address", "holding:50041"],
])("%s is a mistake: %s", (text, message, meant) => {
  const parsed = parseAddress(text);
  expect(parsed).toMatchObject({ message: expect.stringContaining(message), allowed: expect.any(String) });
  expect(isMistake(parsed) && parsed.meant).toBe(meant);
});

test("every address is read back from its canonical form", () => {
  const anyAddress = fc
    .record({ table: fc.constantFrom(...tables), offset: fc.nat(65_535), bit: fc.option(fc.nat(15)) })
    .map(({ table, offset, bit }) => ({
      table,
      offset,
      ...(bit !== null && !isBitTable(table) && { bit }),
    }));
  fc.assert(
    fc.property(anyAddress, (address) => {
      expect(parseAddress(formatAddress(address))).toEqual(address);
    }),
  );
});

test.each([
  ["holding:60", { table: "holding", start: 60, end: 60 }],
  ["holding:60..69", { table: "holding", start: 60, end: 69 }],
  ["40061..40070", { table: "holding", start: 60, end: 69 }],
])("the hole %s is read", (text, hole) => {
  expect(parseHole(text)).toEqual(hole);
});

test.each([
  ["coil:0..holding:3", "no range within one table"],
  ["holding:69..60", "ends before it starts"],
  ["holding:60.1", "no range"],
  ["holding:60..61..62", "no range"],
  ["holding:60..65536", "beyond the last address"],
  ["holdng:60..69", "no table holdng"],
])("%s is no hole: %s", (text, message) => {
  expect(parseHole(text)).toMatchObject({ message: expect.stringContaining(message) });
});
