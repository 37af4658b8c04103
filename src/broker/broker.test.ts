import { expect, test, vi } from "vitest";
import type { BrokerMessage } from "../adapter-kit/local-broker.ts";
import { client, received, startBroker } from "./testing.ts";

test("what the gateway publishes reaches clients and parts inside", async () => {
  const { broker, port } = await startBroker();
  const inside: string[] = [];
  broker.subscribe("data/#", ({ topic, payload }) => inside.push(`${topic} ${payload.toString()}`));
  const subscriber = await client(port);
  const outside = received(subscriber);
  await subscriber.subscribeAsync("data/+/x");
  broker.publish("data/plant1/x", "1");
  broker.publish("data/plant1/y", Buffer.from("2"));
  await vi.waitFor(() => expect(outside).toEqual(["data/plant1/x 1"]));
  expect(inside).toEqual(["data/plant1/x 1", "data/plant1/y 2"]);
});

test("a late subscriber gets the last reading of each tag and every retained state", async () => {
  const { broker, port, publishReading } = await startBroker();
  publishReading("press/a", "1");
  publishReading("press/a", "2");
  publishReading("press/b", "3");
  broker.publish("state/plant1/press", "online", { retain: true, qos: 1 });
  const subscriber = await client(port);
  const messages = received(subscriber);
  await subscriber.subscribeAsync("#", { qos: 1 });
  await vi.waitFor(() =>
    expect(messages.toSorted()).toEqual([
      "data/plant1/press/a 2",
      "data/plant1/press/b 3",
      "state/plant1/press online",
    ]),
  );
  const inside: BrokerMessage[] = [];
  broker.subscribe("data/plant1/press/a", (message) => inside.push(message));
  expect(inside.map(({ payload, retain }) => [payload.toString(), retain])).toEqual([["2", true]]);
});

test("a subscriber inside that throws harms nobody else", async () => {
  const { broker, log } = await startBroker();
  broker.subscribe("data/#", () => {
    throw new TypeError("broken");
  });
  const seen = vi.fn<(message: BrokerMessage) => void>();
  broker.subscribe("data/#", seen);
  expect(() => broker.publish("data/x", "1")).not.toThrow();
  expect(seen).toHaveBeenCalledOnce();
  expect(broker.counters.subscriberErrors).toBe(1);
  expect(log.error).toHaveBeenCalledOnce();
});

test("a subscription inside ends at once when told to", async () => {
  const { broker } = await startBroker();
  const seen = vi.fn<(message: BrokerMessage) => void>();
  const stop = broker.subscribe("data/#", seen);
  stop();
  broker.publish("data/x", "1");
  expect(seen).not.toHaveBeenCalled();
});

test("a QoS 0 message published right after a QoS 1 one does not make it look like a duplicate", async () => {
  const { broker, port } = await startBroker();
  const subscriber = await client(port);
  const messages = received(subscriber);
  await subscriber.subscribeAsync("#", { qos: 1 });
  broker.publish("state/plant1/x", "first", { qos: 1, retain: true });
  broker.publish("data/plant1/x", "second");
  await vi.waitFor(() => expect(messages).toEqual(["state/plant1/x first", "data/plant1/x second"]));
});

test("overlapping subscriptions of one client give each message once", async () => {
  const { broker, port } = await startBroker();
  const subscriber = await client(port);
  const messages = received(subscriber);
  await subscriber.subscribeAsync(["data/#", "data/+/x"]);
  broker.publish("data/plant1/x", "1");
  broker.publish("data/plant1/x", "2");
  await vi.waitFor(() => expect(messages).toEqual(["data/plant1/x 1", "data/plant1/x 2"]));
});

test("a message that a client sends with RETAIN comes live without it, and retained to those who come later", async () => {
  const { broker, port } = await startBroker();
  const seen: BrokerMessage[] = [];
  broker.subscribe("agv/#", (message) => seen.push(message));
  const device = await client(port, { clientId: "agv-7" });
  await device.publishAsync("agv/7/state", "ready", { retain: true, qos: 1 });
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  expect(seen[0]).toMatchObject({ retain: false, clientId: "agv-7", qos: 1 });
  broker.subscribe("agv/#", (message) => seen.push(message));
  expect(seen[1]).toMatchObject({ retain: true });
  expect(broker.counters.retainedMessages).toBe(1);
  broker.clearRetained("agv/7/state");
  expect(broker.counters).toMatchObject({ retainedMessages: 0, retainedBytes: 0 });
});

test("who listens is told when a client comes and goes, however it goes", async () => {
  const { broker, port } = await startBroker();
  const changes: string[] = [];
  const stop = broker.onClient((id, connected) => changes.push(`${id} ${connected}`));
  const polite = await client(port, { clientId: "polite" });
  await polite.endAsync();
  const cut = await client(port, { clientId: "cut" });
  cut.stream.destroy();
  await vi.waitFor(() => expect(changes).toEqual(["polite true", "polite false", "cut true", "cut false"]));
  expect(broker.counters.clients).toBe(0);
  stop();
  await client(port, { clientId: "later" });
  expect(changes).toHaveLength(4);
});

test("health is true to life, and stopping leaves nobody connected", async () => {
  const { broker, port } = await startBroker();
  expect(broker.health()).toEqual({ ok: true });
  const subscriber = await client(port);
  const ended = new Promise((resolve) => subscriber.once("close", () => resolve("closed")));
  await Promise.all([broker.stop(), broker.stop()]);
  expect(await ended).toBe("closed");
  expect(broker.health().ok).toBe(false);
  expect(() => broker.publish("data/x", "1", { retain: true, qos: 1 })).not.toThrow();
  await expect(client(port, { connectTimeout: 500 })).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a port that is taken, or a listener for other machines without users, is refused with a sentence", async () => {
  const { port } = await startBroker();
  const taken = { listen: { host: "127.0.0.1", port } };
  await expect(startBroker({ config: taken })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const everywhere = { listen: { host: "0.0.0.0", port: 0 } };
  await expect(startBroker({ config: everywhere })).rejects.toThrow("there are no users");
});
