import { expect, test } from "vitest";
import { faultNames, readArguments, usage } from "./arguments.ts";

test("without any, it is an edge node on this machine's broker", () => {
  expect(readArguments([])).toMatchObject({
    broker: "mqtt://127.0.0.1:1883",
    group: "plant",
    node: "edge-1",
    device: "machine-1",
    faults: [],
  });
});

test("faults are read with their times, and the usage names every one", () => {
  expect(readArguments(["--fault", "garbage@2s", "--fault", "no-rebirth"]).faults).toEqual([
    { fault: "garbage", at: 2_000 },
    { fault: "no-rebirth", at: 0 },
  ]);
  for (const name of faultNames) expect(usage).toContain(name);
});

test.each([[["--fault", "fire"]], [["--fault", "cut@soon"]], [["--port", "1"]]])("%j is refused", (args) => {
  expect(() => readArguments(args)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
});
