import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { connect } from "mqtt";
import { expect, onTestFinished, test, vi } from "vitest";
import { stateFile } from "../store/sqlite-state-store.ts";
import { testStore } from "../store/testing.ts";
import { client, openPersistence, packet, rawSocket, received, startBroker } from "./testing.ts";

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-journal-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const retained = (topic: string, payload: string, clientId?: string) => ({
  cmd: "publish" as const,
  topic,
  payload: Buffer.from(payload),
  qos: clientId === undefined ? (0 as const) : (1 as const),
  retain: true,
  dup: false,
  brokerId: "",
  brokerCounter: 1,
  ...(clientId === undefined ? {} : { clientId }),
});

test("what is retained again and again at QoS 0 is written once, what is the same not at all, the gateway's own never", async () => {
  const dir = await folder();
  const { persistence, journal, counters, close } = openPersistence(dir);
  for (let n = 0; n < 1_000; n += 1) await persistence.storeRetained(retained("agv/1", `${n}`));
  await persistence.storeRetained(retained("state/plant1/x", "online"));
  expect(journal.isDirty).toBe(false);
  close();
  expect(counters.journalRows).toBe(1);
  const second = openPersistence(dir);
  expect([...second.retained.matching("#")].map(({ payload }) => payload.toString())).toEqual(["999"]);
  await second.persistence.storeRetained(retained("agv/1", "999"));
  second.close();
  expect(second.counters.journalRows).toBe(0);
});

test("what a client retains at QoS 1 is written at once, the same again not twice", async () => {
  const { persistence, counters, holds, close } = openPersistence(await folder());
  const first = retained("agv/1", "charging", "agv");
  await persistence.storeRetained(first);
  expect(holds.of(first)).toBeDefined();
  await holds.of(first);
  expect(counters.journalRows).toBe(1);
  const again = retained("agv/1", "charging", "agv");
  await persistence.storeRetained(again);
  expect(holds.of(again)).toBeUndefined();
  const cleared = retained("agv/1", "", "agv");
  await persistence.storeRetained(cleared);
  await holds.of(cleared);
  expect(counters.journalRows).toBe(2);
  close();
});

test("limits that were lowered hold for what a restart finds, and a session that is over is gone", async () => {
  const dir = await folder();
  const first = openPersistence(dir);
  const peer = (id: string) => ({ id, clean: false, conn: { user: "" } }) as never;
  for (const id of ["a", "b"]) await first.persistence.addSubscriptions(peer(id), [{ topic: "t", qos: 1 }]);
  for (const id of ["a", "b"]) first.sessions.leave(id);
  for (let n = 1; n <= 5; n += 1)
    await first.persistence.outgoingEnqueue(
      { clientId: "b" },
      { ...retained("t", `${n}`), qos: 1, brokerCounter: n },
    );
  first.close();
  const second = openPersistence(dir, { queuedPerSession: 2, sessions: 2 });
  const kept = second.sessions
    .get("b")
    ?.outgoing()
    .map(({ payload }) => payload.toString());
  expect(kept).toEqual(["4", "5"]);
  second.close();
  const third = openPersistence(dir, { sessionExpiryMs: -1 });
  expect(third.counters).toMatchObject({ sessions: 0, queuedMessages: 0 });
  third.close();
});

test("a message that went out before comes again with DUP and its identifier, and a new one takes another", async () => {
  const { broker, port } = await startBroker();
  const panel = await client(port, { clientId: "panel", clean: false });
  await panel.subscribeAsync("a", { qos: 1 });
  await panel.endAsync();
  await vi.waitFor(() => expect(broker.counters.clients).toBe(0));
  broker.publish("a", "1", { qos: 1 });
  const { bytes } = await silentClient(port);
  await vi.waitFor(() => expect(bytes().includes("1")).toBe(true));
  const mqtt = connect(`mqtt://127.0.0.1:${port}`, { clientId: "panel", clean: false, reconnectPeriod: 0 });
  onTestFinished(() => mqtt.endAsync(true));
  const seen: { readonly text: string; readonly dup: boolean; readonly id: number | undefined }[] = [];
  mqtt.on("message", (_, payload, { dup, messageId }) =>
    seen.push({ text: payload.toString(), dup, id: messageId }),
  );
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  broker.publish("a", "2", { qos: 1 });
  await vi.waitFor(() => expect(seen).toHaveLength(2));
  expect(seen.map(({ text, dup }) => ({ text, dup }))).toEqual([
    { text: "1", dup: true },
    { text: "2", dup: false },
  ]);
  expect(seen[1]?.id).toBe(((seen[0]?.id ?? 0) % 65_535) + 1);
});

test("what comes after a restart stands behind what was kept", async () => {
  const dir = await folder();
  const run = async () => {
    const store = testStore(dir);
    const started = await startBroker({ store, starts: false });
    store.open();
    await started.broker.start();
    const { port } = started.broker.addresses.mqtt;
    return { ...started, port, end: () => started.broker.stop().then(() => store.close()) };
  };
  const first = await run();
  const panel = await client(first.port, { clientId: "panel", clean: false });
  await panel.subscribeAsync("agv/#", { qos: 1 });
  await panel.endAsync();
  const publish = async (port: number, payloads: readonly string[]) => {
    const agv = await client(port);
    for (const payload of payloads) await agv.publishAsync("agv/job", payload, { qos: 1 });
  };
  // The broker's own numbers go far ahead of where the next run begins.
  for (let n = 0; n < 300; n += 1) first.broker.publish("other", "x", { qos: 1 });
  await publish(first.port, ["1", "2", "3"]);
  await first.end();
  const second = await run();
  expect(second.broker.counters).toMatchObject({
    restoredSessions: 1,
    restoredMessages: 3,
    queuedMessages: 3,
  });
  await publish(second.port, ["4", "5", "6"]);
  await second.end();
  const third = await run();
  const mqtt = connect(`mqtt://127.0.0.1:${third.port}`, {
    clientId: "panel",
    clean: false,
    reconnectPeriod: 0,
  });
  onTestFinished(() => mqtt.endAsync(true));
  const got = received(mqtt);
  await vi.waitFor(() => expect(got).toEqual(["1", "2", "3", "4", "5", "6"].map((n) => `agv/job ${n}`)));
  await third.end();
});

/** One that takes messages and acknowledges none. */
async function silentClient(port: number) {
  const raw = await rawSocket(port);
  raw.socket.write(
    packet({
      cmd: "connect",
      clientId: "panel",
      protocolId: "MQTT",
      protocolVersion: 4,
      clean: false,
      keepalive: 60,
    }),
  );
  return raw;
}

test("a session keeps no subscription that its user may not read any more, nor what waits of it", async () => {
  const { sessions, counters, persistence, close } = openPersistence(await folder());
  const peer = { id: "panel", clean: false, conn: { user: "" } } as never;
  await persistence.addSubscriptions(peer, [
    { topic: "a/#", qos: 1 },
    { topic: "b", qos: 1 },
  ]);
  for (const [index, topic] of ["a/x", "b"].entries())
    await persistence.outgoingEnqueue(
      { clientId: "panel" },
      { ...retained(topic, "x"), qos: 1, brokerCounter: index + 1 },
    );
  const session = sessions.open("panel", "");
  sessions.restrict(session, (filter) => filter === "b");
  expect([...session.subscriptions.keys()]).toEqual(["b"]);
  expect(session.outgoing().map(({ topic }) => topic)).toEqual(["b"]);
  expect(counters.queuedMessages).toBe(1);
  close();
});

test("while the disk refuses, what comes and goes leaves nothing behind", async () => {
  const dir = await folder();
  const { persistence, journal, sessions, close } = openPersistence(dir);
  const disk = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => disk.close());
  disk.exec("BEGIN IMMEDIATE");
  const peer = { id: "panel", clean: false, conn: { user: "" } } as never;
  await persistence.addSubscriptions(peer, [{ topic: "a", qos: 1 }]);
  for (let n = 1; n <= 10; n += 1) {
    const message = { ...retained("a", "x", "agv"), brokerCounter: n };
    await persistence.outgoingEnqueue({ clientId: "panel" }, message);
    await persistence.outgoingUpdate(peer, { ...message, messageId: n });
    await persistence.outgoingClearMessageId(peer, { messageId: n });
    await persistence.storeRetained({ ...message, topic: `agv/${n}` });
    await persistence.storeRetained({ ...message, topic: `agv/${n}`, payload: Buffer.alloc(0) });
  }
  expect(journal.isDirty).toBe(true);
  sessions.end("panel");
  expect(journal.isDirty).toBe(false);
  disk.exec("ROLLBACK");
  close();
});
