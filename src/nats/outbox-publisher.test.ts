import { readFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { overwritePage, pagesOf } from "../store/testing.ts";
import type { NatsLink } from "./link.ts";
import { batch, event, numbers, outbox } from "./outbox-testing.ts";
import { never, noServerHere, plainServer, scratchFolder, testServer } from "./testing.ts";
import { isRunning, signalTo } from "./processes-testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const deleteStream = (link: NatsLink, name: string) =>
  link.request(`$JS.API.STREAM.DELETE.${name}`, "", 2_000);

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
  const total = 600;
  for (let i = 0; i < total; i += 1) {
    // Where the server is not back yet the second kill finds nobody.
    if ((i === 200 || i === 400) && isRunning(nats.pid)) signalTo(nats.pid, "SIGKILL");
    await store.change([], [event(String(i))]);
  }
  await expect.poll(() => link.counters.connects).toBeGreaterThan(1);
  await empty();
  expect(await messages("EVENTS")).toEqual(numbers(total));
});

test("the server stopped and let go on: each message once, and in order", async () => {
  const { nats, store, connect, messages, empty } = await outbox();
  await nats.start(never);
  connect();
  for (const i of numbers(100)) await store.change([], [event(i)]);
  signalTo(nats.pid, "SIGSTOP");
  for (const i of numbers(400, 100)) await store.change([], [event(i)]);
  await expect.poll(() => store.outbox.backlog("EVENTS").rows).toBeGreaterThan(300);
  signalTo(nats.pid, "SIGCONT");
  await empty();
  expect(await messages("EVENTS")).toEqual(numbers(500));
});

test("on a disk that is nearly full one event at a time is under way: none overtakes one that is refused", async () => {
  const { nats, store, connect, messages, empty, link } = await outbox({ isTight: () => true });
  await nats.start(never);
  connect();
  await store.change([], [event("0")]);
  await empty();
  signalTo(nats.pid, "SIGSTOP");
  await expect.poll(() => readFileSync(`/proc/${nats.pid}/status`, "utf8")).toMatch(/^State:\s+T/m);
  const before = link.counters.published;
  for (const i of numbers(5, 1)) await store.change([], [event(i)]);
  expect(link.counters.published - before).toBe(1);
  signalTo(nats.pid, "SIGCONT");
  await empty();
  expect(await messages("EVENTS")).toEqual(numbers(6));
});

test("what the stream has and nobody heard of is found there, however long ago: the server forgets ids", async () => {
  const dir = await scratchFolder();
  const first = await outbox({ dir });
  await first.nats.start(never);
  first.connect();
  await first.store.change([], numbers(50).map(event));
  await first.empty();
  await first.store.change([], [event("held")]);
  await first.empty();
  await first.publisher.stop();
  // The gateway dies after its messages were stored, and before it heard of it.
  await first.store.change([], numbers(30, 50).map(event));
  const rows = first.store.outbox.read("EVENTS", 0, 100);
  for (const { subject, payload, id } of rows)
    first.link.publishKept(subject, payload, { "Nats-Msg-Id": id });
  await first.link.flush();
  first.store.close();
  const config = await first.api.streamConfig("EVENTS");
  if (config !== undefined) await first.api.updateStream({ ...config, duplicate_window: 100_000_000 });
  await systemClock.sleep(300);
  const second = await outbox({ dir, server: first.nats });
  await second.store.change([], [event("after")]);
  second.connect();
  await second.empty();
  expect(await second.messages("EVENTS")).toEqual([...numbers(50), "held", ...numbers(30, 50), "after"]);
});

test.each(["state", "epoch"])(
  "a state file damaged in %s: what it had to send is in the stream once and in order, whatever was acknowledged",
  async (table) => {
    const dir = await scratchFolder();
    const first = await outbox({ dir, syncsAtAck: false });
    await first.nats.start(never);
    first.connect();
    await first.store.change([], numbers(20).map(event));
    await first.empty();
    await first.publisher.stop();
    await first.store.change([], numbers(20, 20).map(event));
    const rows = first.store.outbox.read("EVENTS", 0, 10);
    for (const { subject, payload, id } of rows)
      first.link.publishKept(subject, payload, { "Nats-Msg-Id": id });
    await first.link.flush();
    first.store.close();
    const config = await first.api.streamConfig("EVENTS");
    if (config !== undefined) await first.api.updateStream({ ...config, duplicate_window: 100_000_000 });
    await systemClock.sleep(300);
    for (const page of pagesOf(dir, table, "leaf")) await overwritePage(dir, page);
    const second = await outbox({ dir, server: first.nats, syncsAtAck: false });
    expect(second.store.condition.setAside).toContain(".corrupt-");
    await second.store.change([], [event("after")]);
    second.connect();
    await second.empty();
    expect(await second.messages("EVENTS")).toEqual([...numbers(40), "after"]);
  },
);

test("without a sync at the ack messages are kept, and sent again where the stream comes back with less", async () => {
  const { nats, store, connect, messages, empty, link, log } = await outbox({ syncsAtAck: false });
  await nats.start(never);
  connect();
  await store.change([], numbers(20).map(event));
  await empty();
  await expect.poll(() => store.outbox.kept.rows).toBe(20);
  await deleteStream(link, "EVENTS");
  signalTo(nats.pid, "SIGKILL");
  await expect.poll(() => link.counters.connects).toBe(2);
  await store.change([], [event("20")]);
  await empty();
  expect(await messages("EVENTS")).toEqual(numbers(21));
  expect(log.lines.some((line) => line.includes("made anew"))).toBe(true);
});

test("what was acknowledged is released when the server has surely synced it", async () => {
  const { nats, store, connect } = await outbox({ syncsAtAck: false, syncedAfterMs: 300 });
  await nats.start(never);
  connect();
  await store.change([], numbers(5).map(event));
  await expect.poll(() => store.outbox.kept.rows).toBe(5);
  await expect.poll(() => store.outbox.kept.rows).toBe(0);
  expect(store.mark("EVENTS")).toMatchObject({ acked: 5, deleted: 5 });
});

test("a stream that lost what is not in the outbox any more gets its next incarnation, also after a restart", async () => {
  const dir = await scratchFolder();
  const first = await outbox({ dir });
  await first.nats.start(never);
  first.connect();
  await first.store.change([], numbers(10).map(event));
  await first.empty();
  await deleteStream(first.link, "EVENTS");
  await first.store.change([], numbers(5, 10).map(event));
  await first.empty();
  expect(await first.messages("EVENTS_2")).toEqual(numbers(5, 10));
  expect(first.log.lines.some((line) => line.startsWith("error A stream came back"))).toBe(true);
  await first.publisher.stop();
  first.store.close();
  const second = await outbox({ dir, server: first.nats });
  second.connect();
  await second.store.change([], [event("15")]);
  await second.empty();
  expect(await second.messages("EVENTS_2")).toEqual(numbers(6, 10));
});

test("a message larger than the server takes is dropped and counted, and the others go out", async () => {
  const { nats, store, connect, messages, empty } = await outbox();
  await nats.start(never);
  connect();
  await store.change([], [batch("1"), batch("x".repeat(1_100_000)), batch("2")]);
  await empty();
  expect(await messages("BATCHES")).toEqual(["1", "2"]);
  expect(store.outbox.dropped("BATCHES").oversized).toBe(1);
});

test("what goes out late says so, and what goes out at once does not", async () => {
  const { nats, store, connect, api, empty } = await outbox();
  await store.change([], [event("late")]);
  await systemClock.sleep(1_100);
  await nats.start(never);
  connect();
  await empty();
  await store.change([], [event("at once")]);
  await empty();
  const header = async (seq: number) =>
    Buffer.from((await api.message("EVENTS", seq))?.hdrs ?? "", "base64").toString();
  expect(await header(1)).toMatch(/Linegate-Queued-Ms: \d{4,}\r/);
  expect(await header(2)).not.toContain("Linegate-Queued-Ms");
});

test("on a server without JetStream who listens hears events all the same, and they stay in the outbox", async () => {
  const { port } = await plainServer();
  const { store, link, publisher } = await outbox();
  link.start(() => ({ url: `nats://127.0.0.1:${port}` }));
  await expect.poll(() => publisher.problem).toBeDefined();
  const heard: string[] = [];
  link.subscribe("event.>", ({ data }) => void heard.push(Buffer.from(data).toString()));
  await link.flush();
  await store.change([], [event("1"), { ...event("before"), live: () => "live" }]);
  await expect.poll(() => heard).toEqual(["1", "live"]);
  expect(store.outbox.backlog("EVENTS").rows).toBe(2);
});

test("two gateways on one server: when one opens the next incarnation the other follows, and nothing comes twice", async () => {
  const nats = await testServer();
  const a = await outbox({ server: nats, syncsAtAck: false });
  const b = await outbox({ server: nats, syncsAtAck: false });
  await nats.start(never);
  a.connect();
  b.connect();
  const send = async (who: typeof a, name: string, count: number) => {
    for (const n of numbers(count)) await who.store.change([], [event(`${name}${n}`)]);
    await who.empty();
  };
  await send(a, "a", 5);
  await send(b, "b", 5);
  const info = await a.api.streamInfo("EVENTS");
  if (info === undefined) throw new Error("there is no stream");
  await a.api.updateStream({ ...info.config, subjects: ["linegate.closed.EVENTS"] });
  // A short memory of ids: it is not what keeps them apart.
  await a.api.createStream({ ...info.config, name: "EVENTS_2", duplicate_window: 100_000_000 });
  await send(b, "c", 3);
  await send(a, "d", 3);
  expect(b.publisher.incarnation("EVENTS")).toBe(2);
  const connects = b.link.counters.connects;
  signalTo(nats.pid, "SIGKILL");
  await expect.poll(() => b.link.counters.connects).toBeGreaterThan(connects);
  await send(b, "e", 2);
  await send(a, "f", 2);
  expect((await a.messages("EVENTS")).toSorted()).toEqual(
    ["a", "b"].flatMap((x) => numbers(5).map((n) => x + n)),
  );
  expect((await a.messages("EVENTS_2")).toSorted()).toEqual(
    [...["c", "d"].flatMap((x) => numbers(3).map((n) => x + n)), "e0", "e1", "f0", "f1"].toSorted(),
  );
});
