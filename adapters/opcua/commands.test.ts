import { expect, test } from "vitest";
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
    context: { status: "BadOutOfRange" },
  });
  await expect(call([1, 2])).rejects.toMatchObject({ code: "WRITE_REFUSED" });
  await expect(call([1.5])).rejects.toMatchObject({ code: "WRITE_REFUSED" });
});

test("passes alarms on, and none below the severity", async () => {
  const simulator = await simulated();
  const tags = { pressure: { node: press("Pressure") } };
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options: { events: [{}] } }));
  await expect.poll(() => context.latest.size).toBe(1);
  simulator.line.alarm(true);
  const seen = () =>
    context.events.map(({ name, data }) => [
      name,
      data["active"],
      data["severity"],
      data["refreshed"] ?? false,
    ]);
  await expect.poll(seen).toContainEqual(["alarm/Overheat", true, 700, false]);
  simulator.line.alarm(false);
  await expect.poll(seen).toContainEqual(["alarm/Overheat", false, 700, false]);
  expect(context.events.at(-1)?.data).toMatchObject({
    condition: "Overheat",
    message: "Overheat is inactive",
  });
  const quiet = deviceAt(simulator.endpoint, tags, { options: { events: [{ severity: 800 }] } });
  const { context: deaf } = await running(quiet);
  await expect.poll(() => deaf.latest.size).toBe(1);
  simulator.line.alarm(true);
  await expect.poll(() => context.events.length).toBe(3);
  expect(deaf.events).toEqual([]);
});
