import { expect, onTestFinished, test } from "vitest";
import { connected } from "../../adapters/opcua/testing.ts";
import { deviceOf } from "../../adapters/opcua/mapping-fixture.ts";
import { serveOpcua } from "./opcua-servers.ts";

test("an OPC UA device has a server with its tags, by id and by browse path", async () => {
  const node = (name: string) => `nsu=http://example.com/oven;s=Oven.${name}`;
  const mapping = deviceOf({
    temperature: { node: node("Temperature"), type: "float64" },
    total: { node: node("Total"), type: "uint64" },
    setpoint: { path: "/Objects/2:Oven/2:Setpoint", type: "uint16", write: {} },
  });
  const [part] = await serveOpcua([mapping], { ports: "free" });
  const [device] = part?.devices ?? [];
  if (part === undefined || device === undefined) throw new TypeError("no device is served");
  onTestFinished(() => part.stop());
  device.set("temperature", 181.5);
  device.set("total", 18_000_000_000_000_000_001n);
  device.set("setpoint", 70_000);
  const { adapter } = await connected((part.redirected?.(mapping) ?? mapping) as typeof mapping);
  const signal = AbortSignal.timeout(5_000);
  const read = await adapter.read?.(["temperature", "total", "setpoint"], signal);
  expect(read?.map(({ value }) => value)).toEqual([181.5, 18_000_000_000_000_000_001n, 65_535]);
  await adapter.write?.([{ tag: "setpoint", value: 7 }], signal);
  expect(device.get("setpoint")).toBe(7);
});
