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

test("an endpoint with a path is served under it, and a client that names another is no crash", async () => {
  const tags = {
    temperature: { node: "nsu=http://example.com/oven;s=Temperature", type: "float64" },
  } as const;
  const endpoint = "opc.tcp://127.0.0.1:4840/oven/line";
  const mapping = deviceOf(tags, { connection: { endpoint } });
  const [part] = await serveOpcua([mapping], { ports: "free" });
  if (part === undefined) throw new TypeError("no device is served");
  onTestFinished(() => part.stop());
  const served = (part.redirected?.(mapping) ?? mapping) as typeof mapping;
  expect(served.connection.endpoint).toMatch(/:\d+\/oven\/line$/);
  const signal = AbortSignal.timeout(5_000);
  for (const path of ["/oven/line", "/other", ""]) {
    const named = served.connection.endpoint.replace("/oven/line", path);
    const { adapter } = await connected(deviceOf(tags, { connection: { endpoint: named } }));
    expect(await adapter.read?.(["temperature"], signal)).toMatchObject([{ quality: "good" }]);
  }
});

test("types that want a form of their texts hold something in it", async () => {
  const node = (name: string) => `nsu=http://example.com/oven;s=${name}`;
  const mapping = deviceOf({
    started: { node: node("Started"), type: "datetime" },
    order: { node: node("Order"), type: "guid" },
    key: { node: node("Key"), type: "bytestring" },
  });
  const [part] = await serveOpcua([mapping], { ports: "free" });
  const [device] = part?.devices ?? [];
  if (part === undefined || device === undefined) throw new TypeError("no device is served");
  onTestFinished(() => part.stop());
  for (const { name } of device.tags) device.set(name, name);
  expect(device.tags.map(({ name }) => device.get(name))).toEqual([
    "2026-01-01T00:00:00.000Z",
    "00000000-0000-0000-0000-000000000000",
    Buffer.from("key").toString("base64"),
  ]);
});
