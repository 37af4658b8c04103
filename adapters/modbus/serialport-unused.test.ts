import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { deviceAt, connected, every, simulated, tagsOf } from "./testing.ts";

test("the serialport package stays unloaded where no device is on a serial port", async () => {
  const { adapter } = await connected(deviceAt(await simulated(), tagsOf({ speed: "holding:0" }, every(20))));
  await adapter.read?.(["speed"], AbortSignal.timeout(5_000));
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.some((path) => path.includes("modbus-serial"))).toBe(true);
  expect(loaded.filter((path) => path.includes("serialport"))).toEqual([]);
});
