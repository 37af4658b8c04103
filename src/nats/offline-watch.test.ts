import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { ms } from "../domain/duration.ts";
import type { FullPolicy, StreamName } from "../store/outbox-row.ts";
import { testStore } from "../store/testing.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { OfflineWatch, type Offline } from "./offline-watch.ts";
import { OutboxPublisher } from "./outbox-publisher.ts";
import { keptLog, never, noServerHere, scratchFolder, testLink, testServer } from "./testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const patience = { timeout: 10_000 };

interface Options {
  readonly whenFull?: FullPolicy;
  readonly maxBytes?: number;
}

/** An outbox, its publisher and the watch on a server; the hub has what the test says. */
async function watched({ whenFull = "oldest", maxBytes = 10_000_000 }: Options = {}) {
  const log = keptLog();
  const nats = await testServer({ maxFileBytes: 16_000_000 });
  const limits = {
    maxBytes,
    whenFull: "oldest",
    batches: { whenFull, thinFrom: 50, thinTo: ms(60_000) },
  } as const;
  const store = testStore(await scratchFolder(), { log, outbox: limits });
  store.open();
  const link = testLink({ log });
  const hub = { connected: true, has: (last: number): number | undefined => last };
  const looks: Offline[] = [];
  const publisher: OutboxPublisher = new OutboxPublisher({
    store,
    link,
    gate: {
      isHeld: (stream: StreamName) => watch.isHeld(stream),
      stored: (stream: StreamName, bytes: number) => watch.stored(stream, bytes),
    },
    storeBytes: () => nats.maxFileBytes,
    syncsAtAck: () => true,
    isTight: () => false,
    clock: systemClock,
    log,
  });
  const watch: OfflineWatch = new OfflineWatch({
    store,
    publisher,
    link,
    hub: {
      get status() {
        return { connected: hub.connected, since: 0 };
      },
      taken: async (_stream, _incarnation, last) => (hub.connected ? hub.has(last) : undefined),
    },
    limits,
    storeBytes: () => nats.maxFileBytes,
    onLook: (offline) => void looks.push(offline),
    everyMs: 50,
    clock: systemClock,
    log,
  });
  publisher.start();
  watch.start();
  onTestFinished(async () => {
    await watch.stop();
    await publisher.stop();
  });
  await nats.start(never);
  link.start(() => ({ url: `nats://127.0.0.1:${nats.port}` }));
  await expect.poll(() => looks.at(-1)?.away, patience).toBe("none");
  const send = (kilobytes: number, stream: StreamName = "BATCHES") => {
    const subject = stream === "BATCHES" ? "batch.gw.a" : "event.a";
    return store.change([], [{ stream, subject, payload: Buffer.alloc(kilobytes * 1_000) }]);
  };
  const now = () => looks.at(-1);
  const api = new JetStreamApi((subject, payload) => link.request(subject, payload, 2_000));
  /** All that was sent is in the stream, and a whole look has come after it. */
  const settled = async () => {
    await expect.poll(() => store.outbox.backlog("BATCHES").rows, patience).toBe(0);
    const seen = looks.length;
    await expect.poll(() => looks.length, patience).toBeGreaterThan(seen + 1);
  };
  return { store, hub, watch, now, send, settled, api, log, nats, link };
}

test("what the hub does not have yet counts as waiting, by messages and bytes, with the time of the oldest", async () => {
  const { hub, now, send, settled } = await watched();
  for (let n = 0; n < 3; n += 1) await send(1);
  await settled();
  expect(now()?.messages).toBe(0);
  hub.connected = false;
  await expect.poll(() => now()?.away, patience).toBe("hub");
  const before = Date.now();
  for (let n = 0; n < 5; n += 1) await send(2);
  await expect.poll(() => now()?.streams.BATCHES.stream.rows, patience).toBe(5);
  expect(now()?.streams.BATCHES.stream.bytes).toBeGreaterThan(5_000);
  expect(now()?.oldest).toBeGreaterThanOrEqual(before - 50);
  hub.connected = true;
  hub.has = (last) => last - 2;
  await expect.poll(() => now()?.streams.BATCHES.stream.rows, patience).toBe(2);
});

test("what the stream drops for want of room before the hub has it is lost, counted and told once", async () => {
  const { hub, now, send, settled, log } = await watched();
  await send(100);
  await settled();
  hub.connected = false;
  // Half of the store is 8 MB.
  for (let n = 0; n < 100; n += 1) await send(100);
  await expect.poll(() => now()?.lost.BATCHES.stream, patience).toBeGreaterThan(10);
  expect(now()?.streams.BATCHES.fill).toBeGreaterThan(0.9);
  expect(
    log.lines.some((line) => line.includes("messages that the hub does not have yet were dropped")),
  ).toBe(true);
});

test("with newest the stream drops nothing: what comes waits in the outbox, and then goes on in order", async () => {
  const { hub, now, send, settled, watch, api, store } = await watched({ whenFull: "newest" });
  await send(100);
  await settled();
  hub.connected = false;
  await expect.poll(() => now()?.away, patience).toBe("hub");
  for (let n = 0; n < 90; n += 1) await send(100);
  await expect.poll(() => watch.isHeld("BATCHES"), patience).toBe(true);
  expect(store.outbox.backlog("BATCHES").rows).toBeGreaterThan(5);
  expect((await api.streamInfo("BATCHES"))?.state.first_seq).toBe(1);
  expect(now()?.lost.BATCHES).toMatchObject({ stream: 0, full: 0 });
  hub.connected = true;
  await expect.poll(() => store.outbox.backlog("BATCHES").rows, patience).toBe(0);
  expect((await api.streamInfo("BATCHES"))?.state.last_seq).toBe(91);
});

test("with thin, windows are coarser while more than half of the room is taken, and ten per cent below no more", async () => {
  const { hub, now, send, settled } = await watched({ whenFull: "thin" });
  await send(100);
  await settled();
  expect(now()?.thinnedTo).toBeUndefined();
  hub.connected = false;
  for (let n = 0; n < 50; n += 1) await send(100);
  await expect.poll(() => now()?.thinnedTo, patience).toBe(60_000);
  hub.connected = true;
  await expect.poll(() => now()?.thinnedTo, patience).toBeUndefined();
});

test("a nats-server that is away leaves what is in the outbox, and the hours that it has room for", async () => {
  const { now, send, nats, link } = await watched({ maxBytes: 1_000_000 });
  await nats.stop();
  await expect.poll(() => link.state, patience).toBe("connecting");
  for (let n = 0; n < 5; n += 1) await send(100);
  await expect.poll(() => now()?.streams.BATCHES.outbox.rows, patience).toBe(5);
  expect(now()).toMatchObject({ away: "nats", messages: 5 });
  expect(now()?.fill).toBeGreaterThan(0.5);
});
