import { expect, test } from "vitest";
import type { BrowsedTag } from "../../src/adapter-kit/index.ts";
import { connected, deviceAt, press, simulated } from "./testing.ts";

const signal = () => AbortSignal.timeout(10_000);

test("finds variables and methods, each with the entry that maps it", async () => {
  const simulator = await simulated();
  const { adapter } = await connected(
    deviceAt(simulator.endpoint, { pressure: { node: press("Pressure") } }),
  );
  const found: BrowsedTag[] = [];
  for await (const tag of adapter.browse?.({ from: "/Objects" }, signal()) ?? []) found.push(tag);
  const named = (name: string) => found.find((tag) => tag.name === name);
  expect(named("Press/Pressure")).toEqual({
    name: "Press/Pressure",
    entry: { node: press("Pressure"), type: "float64" },
    writable: false,
    value: 182.5,
  });
  expect(named("Press/Setpoint")).toMatchObject({ entry: { type: "uint16", write: {} }, writable: true });
  expect(named("Press/Profile")).toMatchObject({ entry: { type: "json" }, value: [1.5, 2.5, 3.5] });
  expect(named("Press/Bad")).toMatchObject({ status: "BadSensorFailure" });
  expect(named("Press/Double")?.entry).toEqual({
    object: "nsu=http://example.com/line;s=Press",
    method: press("Double"),
    write: {},
  });
  const shallow: BrowsedTag[] = [];
  for await (const tag of adapter.browse?.({ depth: 1 }, signal()) ?? []) shallow.push(tag);
  expect(shallow).toEqual([]);
});

test("says what is wrong with tags that the server does not know", async () => {
  const simulator = await simulated();
  const tags = {
    near: { node: press("Presure") },
    elsewhere: { node: "nsu=http://example.com/lin;s=Press.Pressure" },
    index: { node: "ns=77;s=Press.Pressure" },
    object: { node: "nsu=http://example.com/line;s=Press" },
  };
  const { adapter } = await connected(deviceAt(simulator.endpoint, tags));
  const bad = (await adapter.read?.(Object.keys(tags), signal())) ?? [];
  const told = await adapter.diagnose?.(bad, signal());
  const text = Object.fromEntries((told ?? []).map((one) => [one.tag, one.text]));
  expect(text["near"]).toContain(`Perhaps ${press("Pressure")} is meant`);
  expect(text["elsewhere"]).toContain("Perhaps http://example.com/line is meant");
  expect(text["index"]).toContain("Name it by its URI");
  expect(text["object"]).toContain("no variable");
});
