import { expect, test } from "vitest";
import { allCases, exercise, hasPython, plc } from "./testing.ts";

test("reads and writes every type in every order with pymodbus as the PLC", async (ctx) => {
  if (!(await hasPython("pymodbus.server"))) return ctx.skip("python3-pymodbus is not installed");
  const cases = allCases();
  const peer = await plc(cases);
  const { faults } = await exercise(peer, cases, { port: Number(peer.place) });
  // A slow machine may miss a poll.
  expect([...faults.keys()].filter((kind) => kind !== "overrun")).toEqual([]);
});
