import { expect, test } from "vitest";
import { linegate, linesOf, simulatedPump } from "./testing.ts";
import { run } from "./write.ts";

test("writes a value, reads it back and says so", async () => {
  const { file, unit } = await simulatedPump();
  const { code, stdout } = await linegate("write", file, "motor/setpoint", "1200", "--yes", "--json");
  expect(code).toBe(0);
  expect(linesOf(stdout)).toEqual([{ ok: true, tag: "motor/setpoint", value: 1200, readBack: 1200 }]);
  expect(unit.holding.get(10)).toBe(1200);
});

test("a device that does not hold the value ends it with 1", async () => {
  const { file, unit } = await simulatedPump();
  unit.onWrite(() => unit.holding.set(10, 5));
  const { code, stderr } = await linegate("write", file, "motor/setpoint", "1200", "--yes");
  expect({ code, stderr }).toEqual({
    code: 1,
    stderr: "pump-1/motor/setpoint: 1200 rpm was sent, but the device holds 5 rpm.\n",
  });
});

test("a connection that ends after the write leaves it open, and that is said", async () => {
  const { file, unit, simulator } = await simulatedPump();
  // Carried out, and never confirmed.
  simulator.inject({ kind: "truncated" }, { functionCode: 6 });
  const { code, stderr } = await linegate("write", file, "motor/setpoint", "1200", "--yes");
  expect(code).toBe(1);
  expect(stderr).toContain("The value may have been written all the same.");
  expect(unit.holding.get(10)).toBe(1200);
});

test.each([
  [["motor/setpoint", "1800", "--yes"], "above the most that may be written, 1500 rpm"],
  [["motor/setpoint", "-5", "--yes"], "below the least"],
  [["motor/setpoint", "fast", "--yes"], "expected a number"],
  [["pressure", "5", "--yes"], "no `write` entry"],
  [["motor/setpont", "5", "--yes"], "Did you mean motor/setpoint?"],
  [["motor/setpoint", "1200"], "Say --yes"],
])("%j writes nothing and says why", async (args, message) => {
  const { file, unit, simulator } = await simulatedPump();
  await expect(run([file, ...args])).rejects.toThrow(message);
  expect(unit.holding.get(10)).toBe(800);
  expect(simulator.requestCount).toBe(0);
});
