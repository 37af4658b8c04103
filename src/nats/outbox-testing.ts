import { expect, onTestFinished } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import type { OutgoingMessage } from "../store/state-store.ts";
import { testStore } from "../store/testing.ts";
import type { EmbeddedServer } from "./embedded-server.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { OutboxPublisher } from "./outbox-publisher.ts";
import { keptLog, scratchFolder, testLink, testServer } from "./testing.ts";

/** For tests. */
export const event = (payload: string): OutgoingMessage => ({
  stream: "EVENTS",
  subject: "event.a.b",
  payload,
});
/** For tests. */
export const batch = (payload: string): OutgoingMessage => ({
  stream: "BATCHES",
  subject: "batch.gw.a",
  payload,
});

interface OutboxOptions {
  readonly server?: EmbeddedServer;
  readonly dir?: string;
  readonly syncsAtAck?: boolean;
  readonly syncedAfterMs?: number;
  readonly isTight?: () => boolean;
  readonly isSourced?: boolean;
}

/** For tests: a store, a link and what brings the one to the other; the link is not started yet. */
export async function outbox({
  server,
  dir,
  syncsAtAck = true,
  syncedAfterMs = 150_000,
  isTight = () => false,
  isSourced = false,
}: OutboxOptions = {}) {
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
    isTight,
    isSourced,
    syncedAfterMs,
    clock: systemClock,
    log,
  });
  publisher.start();
  onTestFinished(() => publisher.stop());
  const connect = () => link.start(() => ({ url: `nats://127.0.0.1:${nats.port}` }));
  const api = new JetStreamApi((subject, payload) => link.request(subject, payload, 2_000));
  const messages = async (stream: string): Promise<string[]> => {
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
/** For tests: payloads that tell their order. */
export const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i));
