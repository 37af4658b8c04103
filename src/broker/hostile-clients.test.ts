import { expect, test, vi } from "vitest";
import { client, closed, connectPacket, packet, rawSocket, received, startBroker } from "./testing.ts";

type Setup = Parameters<typeof startBroker>[0];

/** A broker with a client that must not notice what others do; the returned check fails where it does. */
async function withWitness(setup: Setup = {}) {
  const started = await startBroker(setup);
  const witness = await client(started.port, { clientId: "witness" });
  const messages = received(witness);
  await witness.subscribeAsync("ping");
  const unharmed = async (): Promise<void> => {
    const before = messages.length;
    await witness.publishAsync("ping", "");
    await vi.waitFor(() => expect(messages).toHaveLength(before + 1));
    expect(started.broker.health().ok).toBe(true);
  };
  return { ...started, unharmed };
}

const hello = connectPacket("hostile");
const publish = (topic: string) =>
  packet({ cmd: "publish", topic, payload: "x", qos: 0, retain: false, dup: false });
const subscribe = (topic: string) =>
  packet({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 0 }] });

test.each([
  ["garbage", [Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
  ["zeros", [Buffer.alloc(4_096)]],
  ["a publish before the CONNECT", [publish("a")]],
  ["a second CONNECT", [hello, hello]],
  ["a second CONNECT in the same read", [Buffer.concat([hello, hello])]],
  ["a CONNECT of 200 MB", [Buffer.from([0x10, 0x80, 0x80, 0xb0, 0x60])]],
  ["a packet of 200 MB", [hello, Buffer.from([0x30, 0x80, 0x80, 0xb0, 0x60])]],
  ["a length without an end", [hello, Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff])]],
  ["a packet that only servers send", [hello, Buffer.from([0x20, 0x02, 0x00, 0x00])]],
  ["QoS 3", [hello, Buffer.from([0x36, 0x03, 0x00, 0x01, 0x61])]],
  ["a protocol that is none", [Buffer.from([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x58, 4, 2, 0, 60, 0, 0])]],
  ["a topic with a wildcard", [hello, Buffer.from([0x30, 0x05, 0x00, 0x03, 0x61, 0x2f, 0x23])]],
  ["a topic with U+0000", [hello, Buffer.from([0x30, 0x05, 0x00, 0x03, 0x61, 0x00, 0x62])]],
  ["a topic that is no UTF-8", [hello, Buffer.from([0x30, 0x05, 0x00, 0x03, 0x61, 0xff, 0x62])]],
  ["an empty topic", [hello, Buffer.from([0x30, 0x02, 0x00, 0x00])]],
  ["a topic of thousands of levels", [hello, publish("/".repeat(2_000))]],
  ["a filter of thousands of levels", [hello, subscribe("+/".repeat(2_000))]],
  ["a filter that is none", [hello, subscribe("a+/b")]],
  ["a string longer than its packet", [hello, Buffer.from([0x30, 0x04, 0xff, 0xff, 0x61, 0x61])]],
])("%s ends that connection and no other", async (_name, chunks) => {
  const { port, broker, unharmed } = await withWitness();
  const { socket, closed: gone } = await rawSocket(port);
  for (const chunk of chunks) {
    socket.write(chunk);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await gone;
  const { packetSize, protocol } = broker.counters.rejected;
  expect(packetSize + protocol).toBe(1);
  await unharmed();
});

test("a topic named like a part of every object is only a name", async () => {
  const { port, broker, unharmed } = await withWitness();
  const seen: string[] = [];
  broker.subscribe("__proto__/#", ({ topic }) => seen.push(topic));
  const odd = await client(port, { clientId: "__proto__" });
  const messages = received(odd);
  await odd.subscribeAsync(["__proto__/constructor", "toString"]);
  await odd.publishAsync("__proto__/constructor", "x", { qos: 1, retain: true });
  await vi.waitFor(() => expect(messages).toEqual(["__proto__/constructor x"]));
  expect(seen).toEqual(["__proto__/constructor"]);
  await unharmed();
});

test("a CONNECT that never ends is given up", async () => {
  const { port, broker, unharmed } = await withWitness({ limits: { connectTimeoutMs: 100 } });
  const { socket, closed } = await rawSocket(port);
  socket.write(hello.subarray(0, 5));
  await closed;
  expect(broker.counters.rejected.timeout).toBe(1);
  await unharmed();
});

test("connections that say nothing do not keep out those that do", async () => {
  const { port, broker, unharmed } = await withWitness({ limits: { waitingConnections: 10 } });
  const silent = await Promise.all(Array.from({ length: 40 }, () => rawSocket(port)));
  await vi.waitFor(() => expect(silent.filter(({ socket }) => socket.destroyed)).toHaveLength(30));
  await client(port, { clientId: "latecomer" });
  // Each newcomer sends the oldest away, and the last one came as a newcomer too.
  expect(broker.counters.rejected.connections).toBe(31);
  await unharmed();
});

test("clients beyond the limit are told that there is no room", async () => {
  const { port, broker, log, unharmed } = await withWitness({ limits: { connections: 2 } });
  await client(port, { clientId: "second" });
  for (const clientId of ["third", "fourth"]) {
    await expect(client(port, { clientId })).rejects.toThrow(/unavailable/i);
  }
  expect(log.warn).toHaveBeenCalledOnce();
  expect(broker.counters).toMatchObject({ clients: 2 });
  expect(broker.counters.rejected.connections).toBe(2);
  await unharmed();
});

test("a flood of subscriptions ends the connection", async () => {
  const { port, broker, unharmed } = await withWitness({ limits: { subscriptionsPerClient: 20 } });
  const { socket, closed } = await rawSocket(port);
  const subscriptions = Array.from({ length: 5_000 }, (_, index) => ({
    topic: `t/${index}`,
    qos: 0 as const,
  }));
  socket.write(hello);
  socket.write(packet({ cmd: "subscribe", messageId: 1, subscriptions }));
  await closed;
  expect(broker.counters.rejected.protocol).toBe(1);
  await unharmed();
});

test("QoS 2 messages left half open are bounded", async () => {
  const { port, broker, unharmed } = await withWitness({ limits: { inflightInbound: 10 } });
  const { socket, closed: gone } = await rawSocket(port);
  socket.write(hello);
  for (let messageId = 1; messageId < 100; messageId += 1) {
    socket.write(
      packet({ cmd: "publish", topic: "a", payload: "x", qos: 2, messageId, retain: false, dup: false }),
    );
  }
  await gone;
  expect(broker.counters.received).toBeLessThan(100);
  expect(broker.counters.rejected.protocol).toBe(1);
  await unharmed();
});

test("the same client id again takes the connection over", async () => {
  const { port, broker, unharmed } = await withWitness();
  const first = await client(port, { clientId: "agv-1" });
  const ended = closed(first);
  await client(port, { clientId: "agv-1" });
  await ended;
  expect(broker.counters.clients).toBe(2);
  await unharmed();
});

test("a client that stops reading is disconnected and holds up nobody", async () => {
  const { port, broker, log, unharmed } = await withWitness({ limits: { pendingBytes: 500_000 } });
  const { socket, closed: gone, bytes } = await rawSocket(port);
  socket.write(Buffer.concat([connectPacket("frozen"), subscribe("data/#")]));
  await vi.waitFor(() => expect(bytes().length).toBeGreaterThanOrEqual(9));
  socket.pause();
  const payload = Buffer.alloc(50_000);
  for (let round = 0; round < 1_000 && broker.counters.slowDisconnected === 0; round += 1) {
    broker.publish("data/plant1/x", payload);
    if (round % 50 === 0) await unharmed();
    else await new Promise(setImmediate);
  }
  expect(broker.counters.slowDisconnected).toBe(1);
  expect(log.warn).toHaveBeenCalledWith(
    expect.objectContaining({ client: "frozen" }),
    expect.stringContaining("slow"),
  );
  socket.resume();
  await gone;
  await unharmed();
});

test("a client whose socket takes nothing for too long is disconnected, however little waits for it", async () => {
  const { port, broker, unharmed } = await withWitness({
    limits: { drainTimeoutMs: 100, pendingBytes: 1e9 },
  });
  const { socket, bytes } = await rawSocket(port);
  socket.write(Buffer.concat([connectPacket("frozen"), subscribe("data/#")]));
  await vi.waitFor(() => expect(bytes().length).toBeGreaterThanOrEqual(9));
  socket.pause();
  const payload = Buffer.alloc(500_000);
  // As much as the kernel's buffers take, and a little more.
  await vi.waitFor(
    () => {
      if (broker.counters.clients === 2) broker.publish("data/plant1/x", payload);
      expect(broker.counters.clients).toBe(1);
    },
    { timeout: 30_000, interval: 5 },
  );
  expect(broker.counters.slowDisconnected).toBe(1);
  await unharmed();
});

test("a client over its rate is held back, and loses nothing at QoS 0", async () => {
  const { port, broker, unharmed } = await withWitness({ limits: { packetsPerSecond: 300 } });
  const seen: string[] = [];
  broker.subscribe("agv/#", ({ payload }) => seen.push(payload.toString()));
  const vehicle = await client(port, { clientId: "agv-1" });
  const sent = Array.from({ length: 500 }, (_, index) => `${index}`);
  for (const payload of sent) vehicle.publish("agv/1/state", payload);
  await unharmed();
  expect(seen.length).toBeLessThan(500);
  await vi.waitFor(() => expect(seen).toHaveLength(500));
  expect(seen).toEqual(sent);
  expect(broker.counters.throttled).toBeGreaterThan(0);
});

test("what was sent before a polite end arrives though the rate held it back", async () => {
  const { port, broker } = await startBroker({ limits: { packetsPerSecond: 200 } });
  const seen: string[] = [];
  broker.subscribe("agv/#", ({ payload }) => seen.push(payload.toString()));
  const { socket } = await rawSocket(port);
  socket.write(connectPacket("agv-1"));
  for (let index = 0; index < 300; index += 1) socket.write(publish("agv/1/state"));
  socket.end(packet({ cmd: "disconnect" }));
  await vi.waitFor(() => expect(seen).toHaveLength(300));
});
