import { connect } from "mqtt";
import { expect, onTestFinished, test, vi } from "vitest";
import { client, rawSocket, received, startBroker } from "./testing.ts";

type Setup = Parameters<typeof startBroker>[0];
const keep = { clientId: "panel", clean: false };

/** A broker with a client that subscribed at QoS 1 with a session and went away. */
async function withSleeper(setup: Setup = {}) {
  const started = await startBroker(setup);
  const panel = await client(started.port, keep);
  await panel.subscribeAsync(["data/#", "data/+/x"], { qos: 1 });
  await panel.endAsync();
  await vi.waitFor(() => expect(started.broker.counters.clients).toBe(0));
  const publish = (...payloads: string[]) => {
    for (const payload of payloads) started.broker.publish("data/plant1/x", payload, { qos: 1 });
  };
  return { ...started, publish };
}

/** Connects again and collects from the first packet on. */
function wake(port: number): string[] {
  const panel = connect(`mqtt://127.0.0.1:${port}`, { ...keep, reconnectPeriod: 0 });
  onTestFinished(async () => {
    await panel.endAsync(true);
  });
  return received(panel);
}

test("a client that was away gets each QoS 1 message once and in order, and QoS 0 ones not at all", async () => {
  const { broker, port, publish } = await withSleeper();
  publish("1", "2");
  broker.publish("data/plant1/x", "lost");
  publish("3");
  expect(broker.counters).toMatchObject({ sessions: 1, queuedMessages: 3 });
  const messages = wake(port);
  await vi.waitFor(() => expect(messages).toEqual(["1", "2", "3"].map((n) => `data/plant1/x ${n}`)));
  await vi.waitFor(() => expect(broker.counters).toMatchObject({ queuedMessages: 0, queuedBytes: 0 }));
});

test("what waits for one session is bounded: the oldest goes, and is counted", async () => {
  const { broker, port, publish } = await withSleeper({ limits: { queuedPerSession: 3 } });
  publish("1", "2", "3", "4", "5");
  expect(broker.counters).toMatchObject({ queuedMessages: 3, droppedOffline: 2 });
  const messages = wake(port);
  await vi.waitFor(() => expect(messages.map((text) => text.slice(-1))).toEqual(["3", "4", "5"]));
});

test("what waits is bounded in bytes", async () => {
  const { broker, publish } = await withSleeper({ limits: { queuedBytesPerSession: 10_000 } });
  publish(...Array.from({ length: 10 }, () => "x".repeat(3_000)));
  expect(broker.counters.queuedBytes).toBeLessThanOrEqual(10_000);
  expect(broker.counters.queuedMessages).toBe(3);
});

test("what waits in all is bounded: who is away longest loses first", async () => {
  const { broker, port, publish } = await withSleeper({ limits: { queuedTotal: 4 } });
  publish("1", "2", "3");
  const other = await client(port, { ...keep, clientId: "other" });
  await other.subscribeAsync("state/#", { qos: 1 });
  await other.endAsync();
  for (const payload of ["a", "b"]) broker.publish("state/x", payload, { qos: 1 });
  expect(broker.counters).toMatchObject({ queuedMessages: 4, droppedOffline: 1 });
  const messages = wake(port);
  await vi.waitFor(() => expect(messages.map((text) => text.slice(-1))).toEqual(["2", "3"]));
});

test("a session is forgotten after its time, and with a clean connect", async () => {
  let at = 0;
  const clock = { now: () => at, monotonic: () => at, sleep: () => Promise.resolve() };
  const { broker, port, publish } = await withSleeper({ clock, limits: { sessionExpiryMs: 1_000 } });
  at = 1_001;
  publish("1");
  expect(broker.counters).toMatchObject({ sessions: 0, queuedMessages: 0 });
  const again = await client(port, keep);
  await again.endAsync();
  expect(broker.counters.sessions).toBe(1);
  await client(port, { ...keep, clean: true });
  expect(broker.counters.sessions).toBe(0);
});

test("sessions are bounded in number: the one longest away goes", async () => {
  const { broker, port } = await withSleeper({ limits: { sessions: 3 } });
  for (const clientId of ["a", "b", "c", "d"]) {
    const visitor = await client(port, { clientId, clean: false });
    await visitor.endAsync();
  }
  expect(broker.counters.sessions).toBe(3);
});

test("a session without a client id, to which nobody could come back, is refused", async () => {
  const { port } = await startBroker();
  const { socket, closed, bytes } = await rawSocket(port);
  // By hand: the client libraries refuse to send it.
  socket.write(Buffer.from([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 60, 0, 0]));
  await closed;
  expect([...bytes()]).toEqual([0x20, 0x02, 0x00, 0x02]);
});

test("retained messages of devices are bounded, and those beyond still delivered", async () => {
  const { broker, port } = await startBroker({ limits: { retainedMessages: 2, retainedBytes: 100 } });
  const seen: string[] = [];
  broker.subscribe("agv/#", ({ topic }) => seen.push(topic));
  const device = await client(port);
  for (const topic of ["agv/1", "agv/2", "agv/3"])
    await device.publishAsync(topic, "x", { retain: true, qos: 1 });
  await device.publishAsync("agv/1", "x".repeat(200), { retain: true, qos: 1 });
  await vi.waitFor(() => expect(seen).toEqual(["agv/1", "agv/2", "agv/3", "agv/1"]));
  expect(broker.counters).toMatchObject({ retainedMessages: 1, storeRefused: 2 });
  broker.publish("state/plant1/x", "online", { retain: true });
  expect(broker.counters.retainedMessages).toBe(2);
});

test("a client gets a message at the QoS of its subscription, not above", async () => {
  const { broker, port } = await startBroker();
  broker.publish("state/x", "retained", { retain: true, qos: 1 });
  const panel = await client(port);
  const seen: string[] = [];
  panel.on("message", (_topic, payload, { qos }) => seen.push(`${payload.toString()} ${qos}`));
  await panel.subscribeAsync("state/#", { qos: 0 });
  await panel.subscribeAsync("agv/#", { qos: 1 });
  const device = await client(port);
  await device.publishAsync("agv/1", "twice sure", { qos: 2 });
  await vi.waitFor(() => expect(seen).toEqual(["retained 0", "twice sure 1"]));
});
