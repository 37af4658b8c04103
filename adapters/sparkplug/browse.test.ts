import { expect, test, vi } from "vitest";
import { deviceOf } from "./mapping-fixture.ts";
import { runOn, startNode } from "./testing.ts";

test("browsing asks for a birth certificate and gives its metrics as mapping entries", async () => {
  const { broker, start, node } = await startNode((node) => {
    node.define("press", "Ram Pressure/Öl", "float32");
    node.define("press", "ram-pressure/l", "bool[]");
    node.set("press", "Ram Pressure/Öl", 1.5);
  });
  start();
  await vi.waitFor(() => expect(node.connected).toBe(true));
  const { adapter } = await runOn(broker, deviceOf({}));
  const found = [];
  for await (const tag of adapter.browse?.({}, AbortSignal.timeout(5_000)) ?? []) found.push(tag);
  expect(found).toEqual([
    { name: "pressure", entry: { metric: "Pressure", type: "float64" }, writable: true, value: 182.4 },
    { name: "setpoint", entry: { metric: "Setpoint", type: "int32" }, writable: true, value: 100 },
    {
      name: "ram-pressure/l",
      entry: { metric: "Ram Pressure/Öl", type: "float32" },
      writable: true,
      value: 1.5,
    },
    {
      name: "ram-pressure/l-2",
      entry: { metric: "ram-pressure/l", type: "bool[]" },
      writable: true,
      value: null,
      status: "NullValue",
    },
  ]);
});

test("an aborted browse of a node that is not there ends with the abort", async () => {
  const { broker } = await startNode();
  const { adapter } = await runOn(broker, deviceOf({}));
  const browse = async () => {
    for await (const tag of adapter.browse?.({}, AbortSignal.timeout(100)) ?? []) expect(tag).toBeUndefined();
  };
  await expect(browse()).rejects.toMatchObject({ name: "TimeoutError" });
});
