import { expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import type { Reading } from "../../src/domain/reading.ts";
import { DeviceFleet } from "../../src/supervisor/device-fleet.ts";
import { idleSurroundings } from "../../src/supervisor/testing.ts";
import { sparkplugAdapter } from "./adapter.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { startNode } from "./testing.ts";

/** The press under a gateway's own supervisor and normaliser. */
async function supervised() {
  const started = await startNode();
  const readings: Reading[] = [];
  const states: string[] = [];
  const fleet = new DeviceFleet({
    site: "plant1",
    clock: systemClock,
    log: started.log,
    random: () => 0.5,
    broker: started.broker,
    publish: (reading) => readings.push(reading),
    onState: (_device, { state }) => states.push(state),
    ...idleSurroundings,
    onGone: () => undefined,
    load: async () => sparkplugAdapter,
  });
  const tags = {
    pressure: { metric: "Pressure" },
    limit: { metric: "Setpoint", type: "int32" as const, write: {} },
  };
  await fleet.start([deviceOf(tags)]);
  onTestFinished(() => fleet.stop());
  const last = (tag: string) => readings.findLast(({ path }) => path.topic.endsWith(tag));
  return { ...started, fleet, readings, states, last };
}

test("a device is online with its birth, offline with its node's death, and back with the next birth", async () => {
  const { node, start, states, last } = await supervised();
  start();
  await vi.waitFor(() => expect(last("pressure")).toMatchObject({ value: 182.4, quality: "good" }));
  node.cut(100);
  await vi.waitFor(() =>
    expect(last("pressure")).toMatchObject({ value: null, quality: "bad", status: "DeviceOffline" }),
  );
  await vi.waitFor(() => expect(last("pressure")).toMatchObject({ value: 182.4, quality: "good" }), {
    timeout: 5_000,
  });
  expect(states).toEqual(["connecting", "online", "offline", "online"]);
});

test("data that nobody can read for want of a birth bring nobody online", async () => {
  const { node, start, states, last } = await supervised();
  node.ignoresRebirths = true;
  start();
  await vi.waitFor(() => expect(states).toEqual(["connecting", "online"]));
  node.sendDeath();
  await vi.waitFor(() => expect(states.at(-1)).toBe("offline"));
  node.set("press", "Pressure", 1);
  await vi.waitFor(() => expect(last("pressure")).toMatchObject({ quality: "bad", status: "NoBirth" }));
  expect(states.at(-1)).toBe("offline");
});

test("a write is done when the node says so, and is refused while the node is away", async () => {
  const { node, start, fleet, states, last } = await supervised();
  const supervisor = fleet.devices.get("press-1")?.supervisor;
  const signal = AbortSignal.timeout(5_000);
  const write = async () => supervisor?.write([{ tag: "limit", value: 7 }], signal);
  await expect(write()).rejects.toMatchObject({ code: "DEVICE_UNREACHABLE" });
  start();
  await vi.waitFor(() => expect(states.at(-1)).toBe("online"));
  await write();
  expect(await supervisor?.read(["limit"], signal)).toMatchObject([{ value: 7, quality: "good" }]);
  expect(node.get("press", "Setpoint")).toBe(7);
  expect(last("limit")).toMatchObject({ value: 7 });
});
