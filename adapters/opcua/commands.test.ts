import { expect, test } from "vitest";
import type { TagValue } from "../../src/adapter-kit/index.ts";
import { connected, deviceAt, press, running, simulated } from "./testing.ts";

const signal = () => AbortSignal.timeout(5_000);
const method = { object: "nsu=http://example.com/line;s=Press", method: press("Double"), write: {} };

test("writes values of every kind and reads them back", async () => {
  const simulator = await simulated();
  const tags = {
    setpoint: { node: press("Setpoint"), type: "uint16", write: {} },
    running: { node: press("Running"), type: "bool", write: {} },
    name: { node: press("Name"), type: "string", write: {} },
    total: { node: press("Total"), type: "int64", write: {}, mode: "poll" },
  } as const;
  const { adapter } = await connected(deviceAt(simulator.endpoint, tags));
  const values = { setpoint: 900, running: false, name: "Größe", total: -9_007_199_254_740_993n };
  await adapter.write?.(
    Object.entries(values).map(([tag, value]) => ({ tag, value })),
    signal(),
  );
  const read = await adapter.read?.(Object.keys(tags), signal());
  expect(read?.map(({ tag, value }) => [tag, value])).toEqual(Object.entries(values));
});

test("says what the server says of a write that it refuses", async () => {
  const simulator = await simulated();
  const tags = {
    locked: { node: press("Locked"), type: "float64", write: {} },
    setpoint: { node: press("Setpoint"), type: "float64", write: {} },
    missing: { node: press("Missing"), type: "float64", write: {} },
  } as const;
  const { adapter } = await running(deviceAt(simulator.endpoint, tags));
  const write = (tag: string) => adapter.write?.([{ tag, value: 1 }], signal());
  await expect(write("locked")).rejects.toMatchObject({
    code: "DEVICE_REJECTED",
    context: { status: "BadNotWritable" },
  });
  await expect(write("setpoint")).rejects.toThrow("BadTypeMismatch. Its `type`");
  await expect(write("missing")).rejects.toMatchObject({ context: { status: "BadNodeIdUnknown" } });
});

test("a text that says the same value is read back as it was written", async () => {
  const node = (name: string) => `nsu=http://example.com/oven;s=${name}`;
  const variables = [
    { node: node("Started"), name: "Started", builtIn: "DateTime", writable: true },
    { node: node("Order"), name: "Order", builtIn: "Guid", writable: true },
    { node: node("Key"), name: "Key", builtIn: "ByteString", writable: true },
  ];
  const simulator = await simulated({ line: false, variables });
  const tags = {
    started: { node: node("Started"), type: "datetime", write: {} },
    order: { node: node("Order"), type: "guid", write: {} },
    key: { node: node("Key"), type: "bytestring", write: {} },
  } as const;
  const { adapter } = await connected(deviceAt(simulator.endpoint, tags));
  const readBack = async (tag: string, value: string) => {
    await adapter.write?.([{ tag, value }], signal());
    return (await adapter.read?.([tag], signal()))?.[0]?.value;
  };
  for (const text of ["2026-05-06T07:08:09Z", "2026-05-06T09:08:09+02:00", "2026-05-06T07:08:09.123Z"])
    expect(await readBack("started", text)).toBe(text);
  expect(await readBack("started", "9999-12-31T23:59:59.999Z")).toBe("9999-12-31T23:59:59.999Z");
  for (const text of ["0a1b2c3d-1111-2222-3333-44445555aaaa", "0A1B2C3D-1111-2222-3333-44445555AAAA"])
    expect(await readBack("order", text)).toBe(text);
  expect(await readBack("key", "AQI=")).toBe("AQI=");
  // Another has written meanwhile: that is what is told.
  simulator.variable(node("Started")).set("2026-01-01T00:00:00Z");
  expect(await adapter.read?.(["started"], signal())).toMatchObject([{ value: "2026-01-01T00:00:00.000Z" }]);
});

test("what a type can't hold is refused before anything is sent", async () => {
  const node = (name: string) => `nsu=http://example.com/oven;s=${name}`;
  const variables = [
    { node: node("Ratio"), name: "Ratio", builtIn: "Float", value: 1, writable: true },
    { node: node("Key"), name: "Key", builtIn: "ByteString", value: "AQI=", writable: true },
    { node: node("Started"), name: "Started", builtIn: "DateTime", writable: true },
  ];
  const simulator = await simulated({ line: false, variables });
  const tags = {
    started: { node: node("Started"), type: "datetime", write: {} },
    ratio: { node: node("Ratio"), type: "float32", write: {} },
    key: { node: node("Key"), type: "bytestring", write: {} },
  } as const;
  const { adapter, context } = await connected(deviceAt(simulator.endpoint, tags));
  const write = (tag: string, value: TagValue) => adapter.write?.([{ tag, value }], signal());
  for (const value of [1e39, -1e39, 3.4028236e38])
    await expect(write("ratio", value)).rejects.toMatchObject({
      code: "WRITE_REFUSED",
      message: expect.stringContaining("within ±3.40282347e+38") as string,
    });
  for (const value of ["!!notbase64", "AQI", "AQJ=", "A"])
    await expect(write("key", value)).rejects.toMatchObject({ code: "WRITE_REFUSED" });
  for (const value of ["1500-01-01T00:00:00Z", "1600-12-31T23:59:59Z", "+010000-01-01T00:00:00Z", "soon"])
    await expect(write("started", value)).rejects.toMatchObject({
      code: "WRITE_REFUSED",
      message: expect.stringContaining("from 1601 to 9999") as string,
    });
  expect(context.requests.get("write")).toBeUndefined();
  await write("ratio", 3.4028234e38);
  expect(context.requests.get("write")).toBe(1);
});

test("calls a method with the arguments written, and holds its results", async () => {
  const simulator = await simulated();
  const { adapter, context } = await running(deviceAt(simulator.endpoint, { double: method }));
  await expect
    .poll(() => context.latest.get("double"))
    .toMatchObject({ quality: "bad", status: "NotCalled" });
  await adapter.write?.([{ tag: "double", value: [21] }], signal());
  expect(await adapter.read?.(["double"], signal())).toMatchObject([{ value: [42], quality: "good" }]);
  const call = (value: readonly number[]) => adapter.write?.([{ tag: "double", value }], signal());
  await expect(call([2_000])).rejects.toMatchObject({
    code: "DEVICE_REJECTED",
    context: { status: "BadOutOfRange", sent: true },
    message: expect.stringContaining("What it did before it failed, the server does not say.") as string,
  });
  await expect(call([1, 2])).rejects.toMatchObject({ code: "WRITE_REFUSED" });
  await expect(call([1.5])).rejects.toMatchObject({ code: "WRITE_REFUSED" });
});

test("passes alarms on, and none below the severity", async () => {
  const simulator = await simulated();
  const tags = { pressure: { node: press("Pressure") } };
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options: { events: [{}] } }));
  // What stood before is asked for by then; the first alarm may still be in the answer to that.
  await expect.poll(() => context.requests.get("call")).toBe(1);
  simulator.line.alarm(true);
  const seen = () =>
    context.events.map(({ name, data }) => [
      name,
      data["active"],
      data["severity"],
      data["refreshed"] ?? false,
    ]);
  await expect.poll(seen).toContainEqual(["alarm/Overheat", true, 700, expect.any(Boolean)]);
  simulator.line.alarm(false);
  await expect.poll(seen).toContainEqual(["alarm/Overheat", false, 700, false]);
  expect(context.events.at(-1)?.data).toMatchObject({
    condition: "Overheat",
    message: "Overheat is inactive",
  });
  const quiet = deviceAt(simulator.endpoint, tags, { options: { events: [{ severity: 800 }] } });
  const { context: deaf } = await running(quiet);
  await expect.poll(() => deaf.latest.size).toBe(1);
  // Its question for what stands is answered to all who listen: that is no new alarm.
  await expect.poll(() => deaf.requests.get("call")).toBe(1);
  const raised = () =>
    context.events.filter(({ data }) => data["active"] === true && data["refreshed"] !== true).length;
  const before = raised();
  simulator.line.alarm(true);
  await expect.poll(raised).toBe(before + 1);
  expect(deaf.events).toEqual([]);
});
