import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { ms } from "../domain/duration.ts";
import type { FullPolicy, StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import { testStore } from "../store/testing.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { OfflineWatch, type Offline, type OfflineWatchOptions } from "./offline-watch.ts";
import { OutboxPublisher } from "./outbox-publisher.ts";
import { keptLog, never, noServerHere, scratchFolder, testLink, testServer } from "./testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

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
      isHeld: (stream: StreamName, underWay: number) => watch.isHeld(stream, underWay),
      stored: (stream: StreamName, bytes: number) => watch.stored(stream, bytes),
    },
    storeBytes: () => nats.maxFileBytes,
    syncsAtAck: () => true,
    isTight: () => false,
    clock: systemClock,
    log,
  });
  const ofWatch: OfflineWatchOptions = {
    store,
    publisher,
    link,
    hub: {
      get status() {
        return { connected: hub.connected, since: 0 };
      },
      taken: async (_stream, _incarnation, last) => {
        const seq = hub.connected ? hub.has(last) : undefined;
        return seq === undefined ? undefined : { seq };
      },
    },
    limits,
    storeBytes: () => nats.maxFileBytes,
    onLook: (offline) => void looks.push(offline),
    everyMs: 50,
    clock: systemClock,
    log,
  };
  const watch: OfflineWatch = new OfflineWatch(ofWatch);
  publisher.start();
  watch.start();
  onTestFinished(async () => {
    await watch.stop();
    await publisher.stop();
  });
  await nats.start(never);
  link.start(() => ({ url: `nats://127.0.0.1:${nats.port}` }));
  await expect.poll(() => looks.at(-1)?.away).toBe("none");
  const send = (kilobytes: number, stream: StreamName = "BATCHES") => {
    const subject = stream === "BATCHES" ? "batch.gw.a" : "event.a";
    return store.change([], [{ stream, subject, payload: Buffer.alloc(kilobytes * 1_000) }]);
  };
  const now = () => looks.at(-1);
  const api = new JetStreamApi((subject, payload) => link.request(subject, payload, 2_000));
  /** All that was sent is in the stream, and a whole look has come after it. */
  const settled = async () => {
    await expect.poll(() => store.outbox.backlog("BATCHES").rows).toBe(0);
    const seen = looks.length;
    await expect.poll(() => looks.length).toBeGreaterThan(seen + 1);
  };
  /** Another one, that has not looked yet. */
  const again = () => new OfflineWatch(ofWatch);
  return { store, hub, watch, again, now, send, settled, api, log, nats, link };
}

test("what the hub does not have yet counts as waiting, by messages and bytes, with the time of the oldest", async () => {
  const { hub, now, send, settled } = await watched();
  for (let n = 0; n < 3; n += 1) await send(1);
  await settled();
  expect(now()?.messages).toBe(0);
  hub.connected = false;
  await expect.poll(() => now()?.away).toBe("hub");
  const before = Date.now();
  for (let n = 0; n < 5; n += 1) await send(2);
  await expect.poll(() => now()?.streams.BATCHES.stream.rows).toBe(5);
  expect(now()?.streams.BATCHES.stream.bytes).toBeGreaterThan(5_000);
  expect(now()?.oldest).toBeGreaterThanOrEqual(before - 50);
  hub.connected = true;
  hub.has = (last) => last - 2;
  await expect.poll(() => now()?.streams.BATCHES.stream.rows).toBe(2);
});

test("what the stream drops for want of room before the hub has it is lost, counted and told once", async () => {
  const { hub, now, send, settled, log } = await watched();
  await send(100);
  await settled();
  hub.connected = false;
  // Half of the store is 8 MB.
  for (let n = 0; n < 100; n += 1) await send(100);
  await expect.poll(() => now()?.lost.BATCHES.stream).toBeGreaterThan(10);
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
  await expect.poll(() => now()?.away).toBe("hub");
  for (let n = 0; n < 90; n += 1) await send(100);
  await expect.poll(() => watch.isHeld("BATCHES", 0)).toBe(true);
  expect(store.outbox.backlog("BATCHES").rows).toBeGreaterThan(5);
  expect((await api.streamInfo("BATCHES"))?.state.first_seq).toBe(1);
  expect(now()?.lost.BATCHES).toMatchObject({ stream: 0, full: 0 });
  hub.connected = true;
  await expect.poll(() => store.outbox.backlog("BATCHES").rows).toBe(0);
  expect((await api.streamInfo("BATCHES"))?.state.last_seq).toBe(91);
});

const sales = async (store: SqliteStateStore, count: number) => {
  const sale = {
    stream: "EVENTS",
    subject: "event.sale",
    payload: Buffer.alloc(20_000),
    whenStored: true,
  } as const;
  for (let n = 0; n < count; n += 1) await store.change([], [sale]);
};

test.each(["goes away", "was never reached"])(
  "whatever the policy, what was acknowledged to devices stays in a full stream while the hub %s, and what comes waits in the outbox",
  async (how) => {
    const { hub, now, send, settled, watch, api, store } = await watched();
    if (how === "goes away") {
      await sales(store, 1);
      await settled();
    }
    hub.connected = false;
    await expect.poll(() => now()?.away).toBe("hub");
    // An eighth of the store is 2 MB.
    await sales(store, 60);
    for (let n = 0; n < 60; n += 1) await send(20, "EVENTS");
    await expect.poll(() => watch.isHeld("EVENTS", 0)).toBe(true);
    expect(store.outbox.backlog("EVENTS").rows).toBeGreaterThan(10);
    expect((await api.streamInfo("EVENTS"))?.state.first_seq).toBe(1);
    expect(now()?.lost.EVENTS).toMatchObject({ stream: 0, full: 0 });
    hub.connected = true;
    await expect.poll(() => store.outbox.backlog("EVENTS").rows).toBe(0);
    await expect.poll(() => now()?.lost.EVENTS.stream).toBe(0);
    expect((await api.streamInfo("EVENTS"))?.state.last_seq).toBe(how === "goes away" ? 121 : 120);
  },
);

test("after a restart nothing goes into a stream of promised messages before it is known how full it is", async () => {
  const { hub, now, watch, store, again } = await watched();
  hub.connected = false;
  await expect.poll(() => now()?.away).toBe("hub");
  await sales(store, 1);
  await expect.poll(() => store.outbox.backlog("EVENTS").rows).toBe(0);
  const next = again();
  expect(next.isHeld("EVENTS", 0)).toBe(true);
  expect(next.isHeld("BATCHES", 0)).toBe(false);
  await expect.poll(() => watch.isHeld("EVENTS", 0)).toBe(false);
});

test("with thin, windows are coarser while more than half of the room is taken, and ten per cent below no more", async () => {
  const { hub, now, send, settled } = await watched({ whenFull: "thin" });
  await send(100);
  await settled();
  expect(now()?.thinnedTo).toBeUndefined();
  hub.connected = false;
  for (let n = 0; n < 50; n += 1) await send(100);
  await expect.poll(() => now()?.thinnedTo).toBe(60_000);
  hub.connected = true;
  await expect.poll(() => now()?.thinnedTo).toBeUndefined();
});

test("a nats-server that is away leaves what is in the outbox, and the hours that it has room for", async () => {
  const { now, send, nats, link } = await watched({ maxBytes: 1_000_000 });
  await nats.stop();
  await expect.poll(() => link.state).toBe("connecting");
  for (let n = 0; n < 5; n += 1) await send(100);
  await expect.poll(() => now()?.streams.BATCHES.outbox.rows).toBe(5);
  expect(now()).toMatchObject({ away: "nats", messages: 5 });
  expect(now()?.fill).toBeGreaterThan(0.5);
});
