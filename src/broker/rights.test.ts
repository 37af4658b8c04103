import bcrypt from "bcrypt";
import { expect, test, vi } from "vitest";
import { client, closed, received, startBroker } from "./testing.ts";

const passwordHash = bcrypt.hashSync("secret", 4);
const users = {
  panel: { passwordHash, read: ["data/#"], publish: [], write: [] },
  operator: { passwordHash, read: ["cmd/#", "data/#"], publish: [], write: ["cmd/plant1/press/#"] },
  vehicle: { passwordHash, read: [], publish: ["agv/+/state"], write: [] },
};

function as(username: string, clientId = `${username}-1`) {
  return { username, password: "secret", clientId };
}

test("a wrong password, and none at all, are refused with the fitting code", async () => {
  const { broker, port } = await startBroker({ users });
  await expect(client(port, { username: "panel", password: "guess" })).rejects.toMatchObject({ code: 4 });
  await expect(client(port)).rejects.toMatchObject({ code: 5 });
  expect(broker.counters.rejected.credentials).toBe(2);
});

test("a subscription beyond the read filters is refused, one within them stands", async () => {
  const { broker, port } = await startBroker({ users });
  const panel = await client(port, as("panel"));
  const messages = received(panel);
  const granted = await panel.subscribeAsync(["data/plant1/+", "#", "$SYS/#"]).catch(() => []);
  expect(granted.map(({ qos }) => qos)).toEqual([]);
  broker.publish("state/plant1/x", "hidden");
  broker.publish("data/plant1/x", "shown");
  await vi.waitFor(() => expect(messages).toEqual(["data/plant1/x shown"]));
  expect(broker.counters.refusedSubscribes).toBe(2);
});

test("a session keeps no subscription that was refused", async () => {
  const { broker, port } = await startBroker({ users });
  const options = { ...as("panel"), clean: false };
  const panel = await client(port, options);
  await panel.subscribeAsync(["data/#", "cmd/#"], { qos: 1 }).catch(() => undefined);
  await panel.endAsync();
  broker.publish("cmd/plant1/x/reply", "hidden", { qos: 1 });
  broker.publish("data/plant1/x", "shown", { qos: 1 });
  expect(broker.counters.queuedMessages).toBe(1);
});

test("only the gateway publishes readings, states, alerts and line events", async () => {
  const { broker, port, log } = await startBroker();
  const seen: string[] = [];
  broker.subscribe("#", ({ topic }) => seen.push(topic));
  const liar = await client(port, { clientId: "liar" });
  for (const topic of [
    "data/plant1/x",
    "state/x",
    "alert/x",
    "line/x",
    "$SYS/x",
    "cmd/plant1/press/x/reply",
    "cmd/plant2/x",
  ]) {
    await liar.publishAsync(topic, "false", { qos: 1, retain: true });
  }
  await liar.publishAsync("agv/1/state", "true", { qos: 2 });
  await vi.waitFor(() => expect(seen).toEqual(["agv/1/state"]));
  expect(broker.counters).toMatchObject({ refusedPublishes: 7, retainedMessages: 0, clients: 1 });
  expect(log.warn).toHaveBeenCalledOnce();
});

test("a write needs the right to it, and a retained one is carried out once and not kept", async () => {
  const { broker, port } = await startBroker({ users });
  const seen: string[] = [];
  broker.subscribe("cmd/#", ({ topic }) => seen.push(topic));
  const operator = await client(port, as("operator"));
  const replies = received(operator);
  await operator.subscribeAsync("cmd/plant1/press/speed/reply", { qos: 1 });
  await operator.publishAsync("cmd/plant1/welder/speed", "{}", { qos: 1 });
  await operator.publishAsync("cmd/plant1/press/speed", "{}", { qos: 1, retain: true });
  const panel = await client(port, as("panel"));
  await panel.publishAsync("cmd/plant1/press/speed", "{}", { qos: 1 });
  await vi.waitFor(() => expect(seen).toEqual(["cmd/plant1/press/speed"]));
  broker.publish("cmd/plant1/press/speed/reply", "ok", { qos: 1 });
  await vi.waitFor(() => expect(replies).toEqual(["cmd/plant1/press/speed/reply ok"]));
  expect(broker.counters).toMatchObject({ refusedPublishes: 2, retainedMessages: 0 });
});

test("a will is published where its client may publish, and nowhere else", async () => {
  const { broker, port } = await startBroker({ users });
  const seen: string[] = [];
  broker.subscribe("#", ({ topic, payload }) => seen.push(`${topic} ${payload.toString()}`));
  const will = (topic: string) => ({ topic, payload: Buffer.from("gone"), qos: 0 as const, retain: true });
  for (const topic of ["data/plant1/x", "agv/#", "agv/1/state"]) {
    const vehicle = await client(port, { ...as("vehicle"), will: will(topic) });
    const ended = closed(vehicle);
    vehicle.stream.destroy();
    await ended;
  }
  await vi.waitFor(() => expect(seen).toEqual(["agv/1/state gone"]));
});

test("a client id that another user holds is not taken over", async () => {
  const { broker, port } = await startBroker({ users });
  const vehicle = await client(port, as("vehicle", "agv-1"));
  await expect(client(port, as("panel", "agv-1"))).rejects.toMatchObject({ code: 2 });
  expect(vehicle.connected).toBe(true);
  await client(port, as("vehicle", "agv-1"));
  expect(broker.counters.clients).toBe(1);
});

test("a client id of any reasonable length is taken, an endless one refused", async () => {
  const { port } = await startBroker();
  await client(port, { clientId: "x".repeat(200) });
  await expect(client(port, { clientId: "x".repeat(300) })).rejects.toMatchObject({ code: 2 });
});

test("a command says which client it comes from, and the broker which user that is", async () => {
  const { broker, port } = await startBroker({ users });
  const from: unknown[] = [];
  broker.subscribe("cmd/#", ({ clientId }) => from.push(clientId && broker.userOf(clientId)));
  const operator = await client(port, as("operator", "hmi-7"));
  await operator.publishAsync("cmd/plant1/press/speed", "{}", { qos: 1 });
  expect(from).toEqual(["operator"]);
  await operator.endAsync();
  await vi.waitFor(() => expect(broker.userOf("hmi-7")).toBeUndefined());
});
