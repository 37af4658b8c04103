import fc from "fast-check";
import { StatusCodes } from "node-opcua-status-code";
import { expect, test } from "vitest";
import { qualityOf, statusName } from "./status.ts";

test("the two highest bits alone make the quality", () => {
  fc.assert(
    fc.property(fc.nat({ max: 3 }), fc.nat({ max: 0x3fff_ffff }), (severity, rest) => {
      const value = severity * 0x4000_0000 + rest;
      expect(qualityOf({ value })).toBe(["good", "uncertain", "bad", "bad"][severity]);
    }),
  );
});

test("names a status as the specification does, and shows one that it does not know as a number", () => {
  expect(statusName(StatusCodes.BadNodeIdUnknown)).toBe("BadNodeIdUnknown");
  expect(statusName(StatusCodes.UncertainLastUsableValue)).toBe("UncertainLastUsableValue");
  expect(statusName({ value: 0x80ff_0000, name: "Bad" })).toBe("0x80ff0000");
});
