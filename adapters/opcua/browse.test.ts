import type { Request } from "node-opcua-secure-channel";
import { BrowseNextRequest, BrowseRequest } from "node-opcua-types";
import { expect, test } from "vitest";
import type { BrowsedTag } from "../../src/adapter-kit/index.ts";
import type { OpcuaSimulator } from "../../simulators/opcua/server.ts";
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

async function browsed(simulator: OpcuaSimulator): Promise<readonly BrowsedTag[]> {
  const { adapter } = await connected(
    deviceAt(simulator.endpoint, { pressure: { node: press("Pressure") } }),
  );
  const found: BrowsedTag[] = [];
  for await (const tag of adapter.browse?.({}, signal()) ?? []) found.push(tag);
  return found;
}

/** Where the client sets a limit, the server sets a lower one. */
function twoAtOnce(request: Request): undefined {
  if (!(request instanceof BrowseRequest) || request.requestedMaxReferencesPerNode === 0) return;
  request.requestedMaxReferencesPerNode = 2;
}

test("a server that has few continuation points shows all that it has", async () => {
  const simulator = await simulated({ continuationPoints: 1 });
  const whole = await browsed(simulator);
  simulator.fault(twoAtOnce);
  const names = (found: readonly BrowsedTag[]) => found.map(({ name }) => name).sort();
  const paged = await browsed(simulator);
  expect(names(paged)).toEqual(names(whole));
  expect(new Set(names(whole)).size).toBe(whole.length);
});

test("what a server does not list is told, not passed over", async () => {
  const simulator = await simulated();
  simulator.fault((request) => {
    if (request instanceof BrowseNextRequest) return "BadContinuationPointInvalid";
    return twoAtOnce(request);
  });
  const failed = browsed(simulator);
  await expect(failed).rejects.toThrow("does not list what lies below i=85 (BadContinuationPointInvalid)");
  simulator.fault((request) => {
    const asked = request instanceof BrowseRequest ? (request.nodesToBrowse ?? []) : [];
    return asked.some(({ nodeId }) => nodeId.value === "Press") ? "BadInternalError" : undefined;
  });
  expect(await browsed(simulator)).toContainEqual(
    expect.objectContaining({ name: "Press", status: "BadInternalError", writable: false }),
  );
});
