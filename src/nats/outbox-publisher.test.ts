import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import type { OutgoingMessage } from "../store/state-store.ts";
import { testStore } from "../store/testing.ts";
import type { EmbeddedServer } from "./embedded-server.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { OutboxPublisher } from "./outbox-publisher.ts";
import { keptLog, never, noServerHere, scratchFolder, testLink, testServer } from "./testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const event = (payload: string): OutgoingMessage => ({ stream: "EVENTS", subject: "event.a.b", payload });
const batch = (payload: string): OutgoingMessage => ({ stream: "BATCHES", subject: "batch.gw.a", payload });

interface Options {
  readonly server?: EmbeddedServer;
  readonly dir?: string;
  readonly syncsAtAck?: boolean;
  readonly syncedAfterMs?: number;
}

/** A store, a link and what brings the one to the other; the link is not started yet. */
async function outbox({ server, dir, syncsAtAck = true, syncedAfterMs = 150_000 }: Options = {}) {
  const log = keptLog();
  const nats = server ?? (await testServer());
  const store = testStore(dir ?? (await scratchFolder()), { log });
  store.open();
  const link = testLink({ log });
  const publisher = new OutboxPublisher({
    store,
    link,
    storeBytes: () => nats.maxFileBytes,
    syncsAtAck: () => syncsAtAck,
    syncedAfterMs,
    clock: systemClock,
    log,
  });
  publisher.start();
  onTestFinished(() => publisher.stop());
  const connect = () => link.start(() => ({ url: `nats://127.0.0.1:${nats.port}` }));
  const api = new JetStreamApi((subject, payload) => link.request(subject, payload, 2_000));
  const messages = async (stream: string) => {
    const info = await api.streamInfo(stream);
    const { first_seq = 1, last_seq = 0 } = info?.state ?? {};
    const all = Array.from({ length: last_seq - first_seq + 1 }, (_, i) =>
      api.message(stream, first_seq + i),
    );
    return (await Promise.all(all)).map((message) => Buffer.from(message?.data ?? "", "base64").toString());
  };
  const empty = async () =>
    await expect
      .poll(() => store.outbox.backlog("EVENTS").rows + store.outbox.backlog("BATCHES").rows)
      .toBe(0);
  return { nats, store, link, publisher, connect, api, messages, empty, log };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));

test("what was committed before there is a server is in the streams once there is one, in order", async () => {
  const { nats, store, connect, messages, empty } = await outbox();
  for (const i of numbers(700)) void store.change([], [event(i)]);
  await store.change([], numbers(20).map(batch));
  expect(store.outbox.backlog("EVENTS").rows).toBe(700);
  await nats.start(never);
  connect();
  await empty();
  expect(await messages("EVENTS")).toEqual(numbers(700));
  expect(await messages("BATCHES")).toEqual(numbers(20));
});

test("the server killed in the middle: each message once, and in order", async () => {
  const { nats, store, connect, messages, empty, link } = await outbox();
  await nats.start(never);
  connect();
  const total = 2_000;
  for (let i = 0; i < total; i += 1) {
    if (i === 700 || i === 1_300) {
      process.kill(nats.pid ?? 0, "SIGKILL");
    }
    await store.change([], [event(String(i))]);
  }
  await expect.poll(() => link.counters.connects, { timeout: 10_000 }).toBeGreaterThan(1);
  await empty();
  expect(await messages("EVENTS")).toEqual(numbers(total));
});
