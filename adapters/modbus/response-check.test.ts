import { expect, test } from "vitest";
import { misfit } from "./response-check.ts";

const bytes = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

test.each([
  ["a read", "01 03 0000 0002", "01 03 04 0001 0002"],
  ["a read of bits", "01 01 0000 0009", "01 01 02 ffff"],
  ["an exception", "01 03 0000 0002", "01 83 02"],
  ["a write of one coil", "01 05 0007 ff00", "01 05 0007 ff00"],
  ["a write whose value the device clamped", "01 06 0007 ffff", "01 06 0007 03e8"],
  ["a write of several registers", "01 10 0007 0001 02 0001", "01 10 0007 0001"],
  ["a mask write", "01 16 0007 fffe 0001", "01 16 0007 fffe 0001"],
])("takes %s", (_name, request, response) => {
  expect(misfit(bytes(request), bytes(response))).toBeUndefined();
});

test.each([
  ["another unit id", "01 03 0000 0001", "02 03 02 0001", "unit id 2"],
  ["another function", "01 03 0000 0001", "01 04 02 0001", "function code 4"],
  ["the exception of another function", "01 03 0000 0001", "01 84 02", "function code 132"],
  ["a byte count of more", "01 03 0000 0001", "01 03 04 0001", "byte count 4"],
  ["a byte count of less", "01 03 0000 0002", "01 03 02 0001", "byte count 2"],
  ["fewer bytes than counted", "01 03 0000 0002", "01 03 04 0001", "2 bytes of data"],
  ["more bytes than counted", "01 01 0000 0001", "01 01 01 01 00", "2 bytes of data"],
  ["an exception with bytes to spare", "01 03 0000 0001", "01 83 02 00", "an exception of 3 bytes"],
  ["the echo of another address", "01 06 0007 0001", "01 06 0008 0001", "another address"],
  ["the echo of another quantity", "01 10 0007 0001 02 0001", "01 10 0007 0002", "another address"],
  ["half an echo", "01 06 0007 0001", "01 06 0007", "an echo of 3 bytes"],
])("sees %s", (_name, request, response, what) => {
  expect(misfit(bytes(request), bytes(response))).toContain(what);
});
