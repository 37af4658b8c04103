import { expect, onTestFinished, test, vi } from "vitest";
import { decodedByOthers, encodedByOthers } from "../../adapters/sparkplug/proto-fixture.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { startBroker } from "../../src/broker/testing.ts";
import { SimulatedEdgeNode } from "./edge-node.ts";

interface Heard {
  readonly type: string;
  readonly payload: { readonly seq?: string; readonly metrics?: readonly Record<string, unknown>[] };
}

/** A node with a press on a broker, and what it says as others read it. */
async function running() {
  const { broker, port } = await startBroker();
  const heard: Heard[] = [];
  broker.subscribe("spBv1.0/plant/+/edge-1/#", ({ topic, payload }) => {
    const type = topic.split("/").slice(2).join("/");
    if (!/CMD/.test(type)) heard.push({ type, payload: decodedByOthers(payload) });
  });
  const node = new SimulatedEdgeNode({ group: "plant", node: "edge-1" });
  node.define("press", "Pressure", "float64");
  node.set("press", "Pressure", 1);
  onTestFinished(() => node.stop());
  node.start({ broker: `mqtt://127.0.0.1:${port}`, clock: systemClock, period: 10 });
  await vi.waitFor(() => expect(heard).toHaveLength(2));
  const session = (index: number) => heard[index]?.payload.metrics?.find(({ name }) => name === "bdSeq");
  return { broker, heard, node, session };
}

test("it is born with names, aliases and types, and then sends what changed by alias", async () => {
  const { heard, node } = await running();
  expect(heard.map(({ type, payload }) => [type, payload.seq])).toEqual([
    ["NBIRTH/edge-1", "0"],
    ["DBIRTH/edge-1/press", "1"],
  ]);
  const [born] = heard[1]?.payload.metrics ?? [];
  expect(born).toMatchObject({ name: "Pressure", datatype: 10, double_value: 1 });
  node.set("press", "Pressure", 2);
  await vi.waitFor(() => expect(heard).toHaveLength(3));
  expect(heard[2]?.payload).toMatchObject({
    seq: "2",
    metrics: [{ alias: born?.["alias"], double_value: 2 }],
  });
  expect(heard[2]?.payload.metrics?.[0]).not.toHaveProperty("name");
});

test("a rebirth begins the sequence anew; a write is taken and answered", async () => {
  const { broker, heard, node } = await running();
  const rebirth = { name: "Node Control/Rebirth", datatype: 11, boolean_value: true };
  broker.publish("spBv1.0/plant/NCMD/edge-1", encodedByOthers({ metrics: [rebirth] }));
  await vi.waitFor(() => expect(heard).toHaveLength(4));
  expect(heard[2]).toMatchObject({ type: "NBIRTH/edge-1", payload: { seq: "0" } });
  expect(node.rebirthRequests).toBe(1);
  const write = { name: "Pressure", datatype: 10, double_value: 9 };
  broker.publish("spBv1.0/plant/DCMD/edge-1/press", encodedByOthers({ metrics: [write] }));
  broker.publish("spBv1.0/plant/DCMD/edge-1/press", "no payload");
  await vi.waitFor(() => expect(heard.at(-1)).toMatchObject({ payload: { metrics: [{ double_value: 9 }] } }));
  expect(node.get("press", "Pressure")).toBe(9);
});

test("a cut connection leaves the will of this session, and the next session counts on", async () => {
  const { heard, node, session } = await running();
  node.cut(50);
  await vi.waitFor(() => expect(heard).toHaveLength(5));
  expect(heard.map(({ type }) => type).slice(2)).toEqual([
    "NDEATH/edge-1",
    "NBIRTH/edge-1",
    "DBIRTH/edge-1/press",
  ]);
  expect([0, 2, 3].map((index) => session(index)?.["long_value"])).toEqual(["0", "0", "1"]);
});

test("a stop says goodbye, and may be called twice", async () => {
  const { heard, node } = await running();
  await node.stop();
  await node.stop();
  await vi.waitFor(() => expect(heard.at(-1)?.type).toBe("NDEATH/edge-1"));
});
