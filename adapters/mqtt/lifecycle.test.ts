import { expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { client, startBroker } from "../../src/broker/testing.ts";
import type { Reading } from "../../src/domain/reading.ts";
import { mostTagsPerTemplate } from "../../src/normalise/normaliser.ts";
import { DeviceFleet } from "../../src/supervisor/device-fleet.ts";
import { idleSurroundings } from "../../src/supervisor/testing.ts";
import { mqttAdapter } from "./adapter.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { stateMessage, vehicleTags } from "./vda5050-fixture.ts";

/** The device under a gateway's own supervisor, normaliser and broker. */
async function supervised(...mapping: Parameters<typeof deviceOf>) {
  const { broker, port, log } = await startBroker();
  const readings: Reading[] = [];
  const states: string[] = [];
  const fleet = new DeviceFleet({
    site: "plant1",
    clock: systemClock,
    log,
    random: () => 0.5,
    broker,
    publish: (reading) => readings.push(reading),
    onState: (_device, { state }) => states.push(state),
    ...idleSurroundings,
    onGone: () => undefined,
    load: async () => mqttAdapter,
  });
  await fleet.start([deviceOf(...mapping)]);
  onTestFinished(() => fleet.stop());
  const charge = () => readings.findLast(({ path }) => path.topic.endsWith("battery/charge"));
  return { broker, port, fleet, readings, states, charge };
}

const state = (charge: number) => JSON.stringify(stateMessage(charge));

test("a vehicle is online with its data, offline with its cable, and back with its next message", async () => {
  const { port, states, charge } = await supervised(vehicleTags, { clientId: "agv-1" });
  const vehicle = await client(port, { clientId: "agv-1" });
  vehicle.publish("agv/1/state", state(80));
  await vi.waitFor(() => expect(charge()).toMatchObject({ value: 80, quality: "good", unit: undefined }));
  vehicle.stream.destroy();
  await vi.waitFor(() =>
    expect(charge()).toMatchObject({ value: null, quality: "bad", status: "DeviceOffline" }),
  );
  const back = await client(port, { clientId: "agv-1" });
  back.publish("agv/1/state", state(79));
  await vi.waitFor(() => expect(charge()).toMatchObject({ value: 79, quality: "good" }));
  expect(states).toEqual(["connecting", "online", "offline", "online"]);
});

test("a vehicle that falls silent is offline though its connection stands, and misses nothing when it speaks again", async () => {
  const { port, states, readings } = await supervised(vehicleTags, { silence: "300ms" });
  const vehicle = await client(port);
  vehicle.publish("agv/1/state", state(80));
  await vi.waitFor(() => expect(states).toEqual(["connecting", "online", "offline"]));
  for (const charge of [81, 82, 83]) vehicle.publish("agv/1/state", state(charge));
  const good = () =>
    readings.flatMap(({ path, value, quality }) =>
      path.topic.endsWith("charge") && quality === "good" ? [value] : [],
    );
  await vi.waitFor(() => expect(good()).toEqual([80, 81, 82, 83]));
});

test("a retained state does not bring a vehicle online", async () => {
  const { port, broker, fleet, states, charge } = await supervised({});
  const vehicle = await client(port);
  await vehicle.publishAsync("agv/1/state", state(50), { retain: true, qos: 1 });
  await vi.waitFor(() => expect(broker.counters.retainedMessages).toBe(1));
  await fleet.put(deviceOf(vehicleTags));
  await vi.waitFor(() =>
    expect(charge()).toMatchObject({ value: 50, quality: "uncertain", status: "Retained" }),
  );
  expect(states.at(-1)).toBe("connecting");
});

test("a wildcard makes so many tags and no more, whatever comes", async () => {
  const { broker, fleet, readings } = await supervised({
    "shelf/{1}": { address: "shelf/+", payload: "number" },
  });
  await vi.waitFor(() => {
    broker.publish("shelf/0", "1");
    expect(readings).toHaveLength(1);
  });
  for (let shelf = 1; shelf < mostTagsPerTemplate + 50; shelf += 1) broker.publish(`shelf/${shelf}`, "1");
  expect(readings).toHaveLength(mostTagsPerTemplate);
  expect(fleet.devices.get("agv-1")?.normaliser.counters.unknown).toBe(50);
});
