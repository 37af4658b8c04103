import { expect, test } from "vitest";
import type { Request } from "node-opcua-secure-channel";
import { BrowseRequest, CreateMonitoredItemsRequest, PublishRequest, ReadRequest } from "node-opcua-types";
import type { BrowsedTag } from "../../src/adapter-kit/index.ts";
import { deviceAt, press, running, simulated } from "./testing.ts";

const signal = () => AbortSignal.timeout(10_000);
const tags = {
  pressure: { node: press("Pressure") },
  setpoint: { node: press("Setpoint") },
  name: { node: press("Name") },
  profile: { node: press("Profile") },
  running: { node: press("Running") },
} as const;
const others = ["name", "pressure", "profile", "running"];

/** The server can't encode the setpoint's value: whatever asks for it is answered with a fault. */
function unencodable(request: Request): string | undefined {
  if (!(request instanceof ReadRequest)) return undefined;
  const asked = (request.nodesToRead ?? []).some(
    ({ nodeId, attributeId }) => attributeId === 13 && nodeId.value === "Press.Setpoint",
  );
  return asked ? "BadInternalError" : undefined;
}

/** No more than three nodes at once, and no word of it in the OperationLimits. */
function atMostThree(request: Request): string | undefined {
  if (request instanceof ReadRequest) {
    const nodes = request.nodesToRead ?? [];
    if (nodes.some(({ nodeId }) => nodeId.toString() === "ns=0;i=11705")) return "BadNodeIdUnknown";
    return nodes.length > 3 ? "BadTooManyOperations" : undefined;
  }
  if (request instanceof CreateMonitoredItemsRequest)
    return (request.itemsToCreate ?? []).length > 3 ? "BadTooManyOperations" : undefined;
  return undefined;
}

test("one value that the server can't encode costs no other tag: polled, read and browsed", async () => {
  const simulator = await simulated();
  simulator.fault(unencodable);
  const device = deviceAt(simulator.endpoint, tags, { options: { mode: "poll", retryBadTags: "10m" } });
  const { adapter, context } = await running(device);
  await expect.poll(() => context.goodTags().sort()).toEqual(others);
  expect(context.latest.get("setpoint")).toMatchObject({ quality: "bad", status: "BadInternalError" });
  const read = await adapter.read?.(Object.keys(tags), signal());
  expect(read?.map(({ status }) => status)).toEqual([
    undefined,
    "BadInternalError",
    undefined,
    undefined,
    undefined,
  ]);
  const found: BrowsedTag[] = [];
  for await (const tag of adapter.browse?.({}, signal()) ?? []) found.push(tag);
  const named = new Map(found.map((tag) => [tag.name, tag.status]));
  expect(named.get("Press/Setpoint")).toBe("BadInternalError");
  expect(named.get("Press/Pressure")).toBeUndefined();
  expect(named.has("Press/Pressure")).toBe(true);
});

test("a data type that the server can't answer for costs no browsing", async () => {
  const simulator = await simulated();
  simulator.fault((request) => {
    const asked = request instanceof BrowseRequest ? (request.nodesToBrowse ?? []) : [];
    // Range, the type of the limits.
    return asked.some(({ nodeId }) => nodeId.toString() === "ns=0;i=884") ? "BadInternalError" : undefined;
  });
  const { adapter } = await running(deviceAt(simulator.endpoint, tags));
  const found: BrowsedTag[] = [];
  for await (const tag of adapter.browse?.({}, signal()) ?? []) found.push(tag);
  expect(found.find(({ name }) => name === "Press/Limits")).toMatchObject({ entry: { type: "json" } });
});

test("a polled tag that costs requests of its own is set aside, and tried again", async () => {
  const simulator = await simulated();
  let faults = 0;
  const mend = simulator.fault((request) => {
    const status = unencodable(request);
    if (status !== undefined) faults += 1;
    return status;
  });
  const polled = (retryBadTags: string) =>
    deviceAt(simulator.endpoint, tags, { options: { mode: "poll", retryBadTags } });
  const { context, stop, ended } = await running(polled("10m"));
  await expect.poll(() => context.batches.length).toBeGreaterThan(3);
  stop.abort();
  await ended;
  // One round, halved down to the one node: 5, 3, 2, 1.
  expect(faults).toBeLessThanOrEqual(4);
  expect(context.latest.get("setpoint")).toMatchObject({ status: "BadInternalError" });
  const { context: patient } = await running(polled("200ms"));
  await expect.poll(() => patient.latest.get("setpoint")).toMatchObject({ status: "BadInternalError" });
  mend();
  await expect.poll(() => patient.latest.get("setpoint")?.value).toBe(1_200);
});

test.each(["poll", "subscribe"])(
  "a server that takes less than its limits say is asked for less: %s",
  async (mode) => {
    const simulator = await simulated();
    simulator.fault(atMostThree);
    const { context } = await running(deviceAt(simulator.endpoint, tags, { options: { mode } }));
    await expect.poll(() => context.goodTags().sort()).toEqual([...others, "setpoint"].sort());
  },
);

test("what a subscription never sends is asked for", async () => {
  const simulator = await simulated();
  const options = { retryBadTags: "300ms", publishingInterval: "50ms" };
  // The item is made, and its notification never comes.
  simulator.fault((request) => {
    if (!(request instanceof CreateMonitoredItemsRequest)) return undefined;
    for (const item of request.itemsToCreate ?? [])
      if (item.itemToMonitor.nodeId.value === "Press.Pressure") item.monitoringMode = 0;
    return undefined;
  });
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options }));
  await expect.poll(() => context.goodTags().sort()).toEqual([...others, "setpoint"].sort());
  simulator.fault(unencodable);
  const { context: faulty } = await running(deviceAt(simulator.endpoint, tags, { options }));
  await expect.poll(() => faulty.latest.size).toBe(5);
});

test("a publish request that ends in a fault is no loss of the subscription", async () => {
  const simulator = await simulated();
  let faults = 0;
  simulator.fault((request) =>
    request instanceof PublishRequest && faults++ < 4 ? "BadEncodingLimitsExceeded" : undefined,
  );
  const { context, ended } = await running(deviceAt(simulator.endpoint, tags));
  await expect.poll(() => context.goodTags().length).toBe(5);
  expect(faults).toBeGreaterThan(4);
  expect(await Promise.race([ended, Promise.resolve("running")])).toBe("running");
});

test("a refused tag is no sign of life before the subscription has said something", async () => {
  const simulator = await simulated();
  let holds = true;
  // All is answered but what the subscription would say.
  simulator.fault((request) => (holds && request instanceof PublishRequest ? "BadTimeout" : undefined));
  const missing = { missing: { node: press("Missing") } };
  const { context, stop, ended } = await running(deviceAt(simulator.endpoint, missing));
  // The server's clock, then the tag.
  await expect.poll(() => context.requests.get("createMonitoredItems") ?? 0).toBeGreaterThan(1);
  expect(context.batches).toEqual([]);
  holds = false;
  await expect.poll(() => context.latest.get("missing")?.status).toBe("BadNodeIdUnknown");
  stop.abort();
  await ended;
});
