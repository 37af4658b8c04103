import { expect, onTestFinished, test, vi } from "vitest";
import type { AdapterContext, AdapterModule } from "../adapter-kit/adapter.ts";
import { systemClock } from "../adapter-kit/clock.ts";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import type { Reading } from "../domain/reading.ts";
import { DeviceFleet } from "./device-fleet.ts";
import { idleSurroundings } from "./testing.ts";

function mapping(device: string, ...tags: string[]): DeviceMapping {
  const shaped = tags.map(
    (name) => ({ name, options: {}, value: { kind: "float" }, scale: 1, offset: 0 }) as const,
  );
  return { device, adapter: "scripted", connection: {}, options: {}, tags: shaped };
}

async function startFleet(...devices: DeviceMapping[]) {
  const readings: Reading[] = [];
  const gone: string[] = [];
  const contexts = new Map<string, AdapterContext>();
  const created: string[] = [];
  const module: AdapterModule = {
    name: "scripted",
    dialsIn: () => false,
    create: ({ device, tags }, context) => {
      created.push(device);
      contexts.set(device, context);
      return {
        connect: async () => {},
        run: (signal) =>
          new Promise((_, reject) => {
            context.emit(tags.map(({ name }) => ({ tag: name, value: 1, quality: "good" })));
            signal.addEventListener("abort", () => reject(signal.reason), { once: true });
          }),
        close: async () => {},
      };
    },
  };
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const fleet = new DeviceFleet({
    site: "line1",
    clock: systemClock,
    log: quiet,
    random: () => 0.5,
    broker: { subscribe: () => () => {}, publish: () => {}, onClient: () => () => {} },
    publish: (reading) => void readings.push(reading),
    onState: () => {},
    ...idleSurroundings,
    onGone: (topics) => void gone.push(...topics),
    load: async () => module,
  });
  onTestFinished(() => fleet.stop());
  await fleet.start(devices);
  const online = () =>
    vi.waitFor(() =>
      expect([...fleet.devices.values()].every((d) => d.supervisor.state.state === "online")).toBe(true),
    );
  await online();
  return { fleet, readings, gone, created, contexts, online };
}

test("an edited device restarts alone, its kept tags go on with their sequences, and dropped ones are gone", async () => {
  const { fleet, readings, gone, created, online } = await startFleet(
    mapping("press-1", "a", "b"),
    mapping("welder-1", "c"),
  );
  await fleet.put(mapping("press-1", "a", "d"));
  await online();
  expect(created).toEqual(["press-1", "welder-1", "press-1"]);
  expect(gone).toEqual(["data/line1/press-1/b"]);
  const ofA = readings.filter((r) => r.path.topic.endsWith("press-1/a"));
  expect(ofA.map((r) => [r.sequence, r.status])).toEqual([
    [1, undefined],
    [2, "DeviceStopped"],
    [3, undefined],
  ]);
});

test("a removed device leaves its topics behind to be cleared, and nothing running", async () => {
  const { fleet, gone } = await startFleet(mapping("press-1", "a"), mapping("welder-1", "c"));
  await fleet.remove("press-1");
  expect(gone).toEqual(["data/line1/press-1/a"]);
  expect([...fleet.devices.keys()]).toEqual(["welder-1"]);
});

test("the counters of a device do not go back when it restarts", async () => {
  const { fleet } = await startFleet(mapping("press-1", "a"));
  const before = fleet.devices.get("press-1")?.normaliser.counters.readings ?? 0;
  fleet.devices.get("press-1")?.traffic.fault("timeout");
  await fleet.put(mapping("press-1", "a"));
  expect(fleet.devices.get("press-1")?.normaliser.counters.readings).toBeGreaterThan(before);
  expect(fleet.devices.get("press-1")?.traffic.faults.get("timeout")).toBe(1);
});

test("tags that a wildcard made stay where the edited mapping still has the wildcard", async () => {
  const { fleet, gone, contexts, online } = await startFleet(mapping("shelves", "a", "shelf/{1}/stock"));
  const template = "shelf/{1}/stock";
  contexts.get("shelves")?.emit([{ tag: "shelf/12/stock", value: 5, quality: "good", template }]);
  await fleet.put(mapping("shelves", "a", "b", "shelf/{1}/stock"));
  await online();
  expect(gone).toEqual([]);
  expect(fleet.devices.get("shelves")?.normaliser.tag("shelf/12/stock")).toBeDefined();
  await fleet.put(mapping("shelves", "a"));
  expect(gone).toEqual(["data/line1/shelves/b", "data/line1/shelves/shelf/12/stock"]);
});

test("after its stop no device starts, however late its protocol is loaded", async () => {
  const { fleet, created } = await startFleet(mapping("press-1", "a"));
  const late = fleet.put(mapping("press-2", "a"));
  await fleet.stop();
  await late;
  expect(created).toEqual(["press-1"]);
  expect(fleet.devices.size).toBe(0);
});
