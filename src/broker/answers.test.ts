import { expect, test, vi } from "vitest";
import { client, connectPacket, heldStore, packet, rawSocket, received, startBroker } from "./testing.ts";

test.each(["stored", "kept"] as const)(
  "a message for a session that is away is acknowledged to its sender after the commit (%s); one at QoS 0 waits for nothing",
  async (says) => {
    const store = heldStore();
    const { broker, port } = await startBroker({ store });
    const panel = await client(port, { clientId: "panel", clean: false });
    await panel.subscribeAsync("agv/#", { qos: 1 });
    await panel.endAsync();
    await vi.waitFor(() => expect(broker.counters.clients).toBe(0));
    const agv = await client(port);
    store.holds = true;
    const acknowledged: string[] = [];
    for (const qos of [1, 2] as const)
      agv.publish("agv/job", `${qos}`, { qos }, (error) => void (error ?? acknowledged.push(`${qos}`)));
    await vi.waitFor(() => expect(broker.counters.inFlightToDisk).toBe(2));
    const live = received(await subscribed(port, "telemetry"));
    const other = await client(port);
    await other.publishAsync("telemetry", "now", { qos: 0 });
    await other.publishAsync("other", "nobody waits", { qos: 1 });
    await vi.waitFor(() => expect(live).toEqual(["telemetry now"]));
    expect(acknowledged).toEqual([]);
    store.release(says);
    await vi.waitFor(() => expect(acknowledged.toSorted()).toEqual(["1", "2"]));
    expect(broker.counters).toMatchObject({ queuedMessages: 2, inFlightToDisk: 0 });
  },
);

async function subscribed(port: number, topic: string) {
  const mqtt = await client(port);
  await mqtt.subscribeAsync(topic);
  return mqtt;
}

test("a client with many messages that wait for their answer is not read, and loses none", async () => {
  const store = heldStore();
  const { broker, port } = await startBroker({
    store,
    limits: { unansweredBytes: 10_000, packetsPerSecond: 10_000 },
  });
  const panel = await client(port, { clientId: "panel", clean: false });
  await panel.subscribeAsync("agv/#", { qos: 1 });
  await panel.endAsync();
  store.holds = true;
  const agv = await client(port);
  const other = await client(port);
  let acknowledged = 0;
  const publish = () =>
    agv.publish("agv/job", "x".repeat(1_000), { qos: 1 }, (error) => void (acknowledged += error ? 0 : 1));
  for (let n = 1; n <= 9; n += 1) {
    publish();
    await vi.waitFor(() => expect(broker.counters.inFlightToDisk).toBe(n));
  }
  publish();
  for (let n = 0; n < 5; n += 1) await other.publishAsync("other", "x", { qos: 1 });
  expect(broker.counters.inFlightToDisk).toBe(9);
  store.release();
  await vi.waitFor(() => expect(acknowledged).toBe(10));
});

test("a client without a session that comes back begins its identifiers anew: another message is no repetition", async () => {
  const store = heldStore();
  const { broker, port } = await startBroker({ store });
  const panel = await client(port, { clientId: "panel", clean: false });
  await panel.subscribeAsync("agv/#", { qos: 2 });
  store.holds = true;
  for (const payload of ["a", "b"]) {
    const { socket } = await rawSocket(port);
    const fields = {
      cmd: "publish",
      topic: "agv/job",
      payload,
      qos: 2,
      messageId: 7,
      dup: false,
      retain: false,
    } as const;
    socket.write(Buffer.concat([connectPacket("agv"), packet(fields)]));
    await vi.waitFor(() => expect(broker.counters.queuedMessages).toBe(payload === "a" ? 1 : 2));
  }
  store.release();
});
