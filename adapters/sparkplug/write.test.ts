import { expect, test, vi } from "vitest";
import type { TagValue } from "../../src/adapter-kit/index.ts";
import { decodedByOthers } from "./proto-fixture.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { runOn, startNode } from "./testing.ts";

const tags = {
  pressure: { metric: "Pressure" },
  setpoint: { metric: "Setpoint", type: "int32" as const, write: {} },
};
const soon = () => AbortSignal.timeout(5_000);

/** The press running, its birth certificate read; `sent` is every DCMD as others read it. */
async function bornPress(...prepare: Parameters<typeof startNode>) {
  const started = await startNode(...prepare);
  const { context, adapter } = await runOn(started.broker, deviceOf(tags));
  const sent: object[] = [];
  started.broker.subscribe("spBv1.0/plant/DCMD/edge-1/press", ({ payload }) => {
    sent.push(decodedByOthers(payload));
  });
  started.start();
  await vi.waitFor(() => expect(context.goodTags()).toHaveLength(2));
  const write = async (value: TagValue) => adapter.write?.([{ tag: "setpoint", value }], soon());
  const read = async (signal = soon()) => adapter.read?.(["setpoint"], signal);
  return { ...started, context, adapter, sent, write, read };
}

test("a write goes out by alias with its datatype, and is confirmed by the data that follow", async () => {
  const { sent, write, read, node } = await bornPress();
  await write(-250);
  expect(await read()).toMatchObject([{ tag: "setpoint", value: -250, quality: "good" }]);
  expect(node.get("press", "Setpoint")).toBe(-250);
  expect(sent).toEqual([
    {
      timestamp: expect.any(String),
      metrics: [
        { alias: expect.any(String), timestamp: expect.any(String), datatype: 3, int_value: 4_294_967_046 },
      ],
    },
  ]);
});

test("an older value that was on its way is not taken for the answer", async () => {
  const { write, read, node } = await bornPress();
  await write(250);
  const metric = { name: "Setpoint", timestamp: Date.now(), type: "int32" } as const;
  node.sendData("press", [{ ...metric, value: 99 }]);
  expect(await read()).toMatchObject([{ value: 250 }]);
});

test("what the device made of a write is told, though it is something else", async () => {
  const { write, read, node } = await bornPress();
  vi.spyOn(node, "sendChanges").mockImplementation(() => undefined);
  await write(2_000);
  const metric = { name: "Setpoint", timestamp: Date.now(), type: "int32" } as const;
  node.sendData("press", [{ ...metric, value: 1_500 }]);
  expect(await read()).toMatchObject([{ value: 1_500 }]);
});

test("a value that the device has already need not be reported again", async () => {
  const { write, read, node } = await bornPress();
  vi.spyOn(node, "sendChanges").mockImplementation(() => undefined);
  await write(100);
  expect(await read()).toMatchObject([{ value: 100 }]);
});

test("without an answer a read after a write ends with its signal, and with the device", async () => {
  const { write, read, node } = await bornPress();
  vi.spyOn(node, "sendChanges").mockImplementation(() => undefined);
  await write(5);
  await expect(read(AbortSignal.timeout(50))).rejects.toMatchObject({ name: "TimeoutError" });
  await write(6);
  const waiting = read();
  node.loseDevice("press");
  await expect(waiting).rejects.toMatchObject({ code: "DEVICE_UNREACHABLE" });
});

test("without a write, a read is the last known value", async () => {
  const { read } = await bornPress();
  expect(await read()).toMatchObject([{ value: 100, quality: "good" }]);
});

test("what can't be written is refused before anything is sent", async () => {
  const { adapter, sent, write, node, context } = await bornPress();
  await expect(write("much")).rejects.toMatchObject({ code: "WRITE_REFUSED" });
  await expect(adapter.write?.([{ tag: "pressure", value: 1 }], soon())).rejects.toMatchObject({
    code: "WRITE_REFUSED",
  });
  node.loseDevice("press");
  await vi.waitFor(() => expect(context.losses).toHaveLength(1));
  await expect(write(1)).rejects.toMatchObject({ code: "DEVICE_UNREACHABLE", context: { sent: false } });
  expect(sent).toEqual([]);
});

test("a metric of another type than the mapping's is not written to", async () => {
  const { broker, start } = await startNode((node) => node.define("press", "Level", "uint8"));
  const other = { metric: "Level", type: "uint16" as const, write: {} };
  const gone = { metric: "Gone", type: "uint16" as const, write: {} };
  const { adapter, context } = await runOn(broker, deviceOf({ other, gone }));
  start();
  await vi.waitFor(() => expect(context.latest.size).toBe(2));
  for (const [tag, why] of [
    ["other", "it is of type uint8"],
    ["gone", "there is none"],
  ] as const)
    await expect(adapter.write?.([{ tag, value: 1 }], soon())).rejects.toMatchObject({
      code: "DEVICE_REJECTED",
      message: expect.stringContaining(why),
    });
});
