import { beforeEach, expect, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import type { EmbeddedServer } from "./embedded-server.ts";
import { JetStreamApi, type StreamInfo } from "./jetstream-api.ts";
import { event, numbers, outbox } from "./outbox-testing.ts";
import { OutboxSender } from "./outbox-sender.ts";
import { reconcile } from "./reconcile.ts";
import { never, noServerHere, scratchFolder, testLink, testServer } from "./testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** As the hub's server asks for a stream's messages that come after those it has (2.9.10, 2.15.2). */
async function hubAsks(server: EmbeddedServer, stream: string, has: number): Promise<void> {
  const link = testLink();
  link.start(() => ({ url: `nats://127.0.0.1:${server.port}` }));
  await expect.poll(() => link.state).toBe("connected");
  // A consumer lives for as long as somebody hears it.
  link.subscribe("$JS.S.hub", () => undefined);
  await link.flush();
  const deliver = { deliver_subject: "$JS.S.hub", direct: true, ack_policy: "none", flow_control: true };
  const from = { deliver_policy: "by_start_sequence", opt_start_seq: has + 1, idle_heartbeat: 1_000_000_000 };
  const config = { ...deliver, ...(has === 0 ? { deliver_policy: "all", idle_heartbeat: 1e9 } : from) };
  const request = JSON.stringify({ stream_name: stream, config });
  await link.request(`$JS.API.CONSUMER.CREATE.${stream}`, request, 2_000);
}

/** Twenty events that are in the stream. */
async function filled() {
  const server = await testServer();
  const made = await outbox({ server, isSourced: true });
  await server.start(never);
  made.connect();
  await made.store.change([], numbers(20).map(event));
  await made.empty();
  return { server, ...made };
}

/** The gateway has died, and its data folder is that of then: the server's store and the state. */
async function rolledBack(dirs: { readonly server: string; readonly state: string }) {
  const server = await testServer({ store: dirs.server });
  return { server, again: await outbox({ server, dir: dirs.state, isSourced: true }) };
}

/** Forty events that the hub has; of the last twenty the data folder knows nothing any more. */
async function forgetful() {
  const dirs = { server: await scratchFolder(), state: await scratchFolder() };
  const server = await testServer({ store: dirs.server });
  const first = await outbox({ server, dir: dirs.state, isSourced: true });
  await server.start(never);
  first.connect();
  await first.store.change([], numbers(20).map(event));
  await first.empty();
  await hubAsks(server, "EVENTS", 0);
  await expect.poll(() => first.store.mark("EVENTS")?.hub?.isSeen).toBe(true);
  await first.publisher.stop();
  await first.link.stop();
  first.store.close();
  await server.stop();
  return dirs;
}

test("a hub that has more than there ever was: what it can't have goes into the next incarnation, with its ids and in order", async () => {
  const { server, again } = await rolledBack(await forgetful());
  const { store, messages, empty, link, log } = again;
  await server.start(never);
  again.connect();
  await store.change([], numbers(30, 100).map(event));
  await empty();
  const heard: string[] = [];
  link.subscribe("event.>", ({ data }) => void heard.push(Buffer.from(data).toString()));
  await link.flush();
  await hubAsks(server, "EVENTS", 40);
  await expect.poll(() => again.publisher.incarnation("EVENTS")).toBe(2);
  await store.change([], numbers(5, 200).map(event));
  await empty();
  expect(await messages("EVENTS_2")).toEqual([...numbers(30, 100), ...numbers(5, 200)]);
  // Who listens hears nothing again.
  expect(heard).toEqual(numbers(5, 200));
  const [copy, original] = await Promise.all([
    again.api.message("EVENTS_2", 1),
    again.api.message("EVENTS", 21),
  ]);
  const id = (hdrs = "") => /Nats-Msg-Id: ?(.*)\r/.exec(Buffer.from(hdrs, "base64").toString())?.[1];
  expect(id(copy?.hdrs)).toBe(id(original?.hdrs));
  expect(log.lines.find((line) => line.startsWith("error The hub has more"))).toContain("linegate hub apply");
  // The hub asks for the old one as before, and takes the new one over: nothing further happens.
  await hubAsks(server, "EVENTS", 40);
  await hubAsks(server, "EVENTS_2", 0);
  await store.change([], [event("last")]);
  await empty();
  expect(again.publisher.incarnation("EVENTS")).toBe(2);
});

test("a hub that asked before the gateway could hear it is heard all the same", async () => {
  const { server, again } = await rolledBack(await forgetful());
  await server.start(never);
  await hubAsks(server, "EVENTS", 40);
  await again.store.change([], [event("new")]);
  again.connect();
  await again.empty();
  expect(again.publisher.incarnation("EVENTS")).toBe(2);
  expect(await again.messages("EVENTS_2")).toEqual(["new"]);
});

/** Where another gateway on the same server stores something, and the hub takes it, after each look at the stream. */
class BusyStream extends JetStreamApi {
  readonly asks = new Map<number, number>();

  override async streamInfo(name: string): Promise<StreamInfo | undefined> {
    const info = await super.streamInfo(name);
    if (name !== "EVENTS" || info === undefined) return info;
    await this.publish("event.other", "other");
    this.asks.set(1, info.state.last_seq + 1);
    return info;
  }
}

test("what another gateway on the same server stored while the stream was looked at makes it no other stream", async () => {
  const { server, store, link, log, publisher } = await filled();
  await hubAsks(server, "EVENTS", 0);
  await expect.poll(() => store.mark("EVENTS")?.hub?.isSeen).toBe(true);
  await publisher.stop();
  const api = new BusyStream((subject, payload) => link.request(subject, payload, 2_000));
  const hub = { server: link.serverId ?? "", asks: api.asks, lastOfBefore: 0 };
  const { maxFileBytes: storeBytes } = server;
  const options = {
    api,
    store,
    stream: "EVENTS",
    storeBytes,
    keep: false,
    hub,
    clock: systemClock,
    log,
  } as const;
  expect(await reconcile(options)).toMatchObject({ incarnation: 1 });
  expect(api.asks.get(1)).toBeGreaterThan(21);
});

test("a hub that asks in the very moment in which the stream is looked up is heard", async () => {
  const { server, store, link, log, publisher } = await filled();
  await publisher.stop();
  const sender: OutboxSender = new OutboxSender({
    stream: "EVENTS",
    store: {
      outbox: store.outbox,
      mark: (stream) => store.mark(stream),
      requeue: (...what) => store.requeue(...what),
      setMark: (stream, mark) => {
        // What it had asked for has been looked at by now.
        if (mark.hub?.isSeen === false) sender.hubAsks({ stream, incarnation: 1, has: 0 });
        return store.setMark(stream, mark);
      },
    },
    link,
    isSourced: true,
    window: { messages: 1, bytes: 0 },
    isTight: () => false,
    storeBytes: () => server.maxFileBytes,
    syncsAtAck: () => false,
    inbox: "_INBOX.test",
    lastOfBefore: () => 0,
    onReady: () => undefined,
    clock: systemClock,
    log,
  });
  sender.reopen();
  await expect.poll(() => store.mark("EVENTS")?.hub?.isSeen).toBe(true);
  await sender.stop();
});

test("a kill at any step of opening the next incarnation: nothing is lost, and nothing is there twice", async () => {
  const dirs = await forgetful();
  const server = await testServer({ store: dirs.server });
  await server.start(never);
  const first = await outbox({ server, dir: dirs.state, isSourced: true });
  first.connect();
  await first.store.change([], numbers(30, 100).map(event));
  await first.empty();
  const mark = first.store.mark("EVENTS");
  await first.publisher.stop();
  if (mark === undefined) throw new Error("there is no mark");
  const { api } = first;
  const old = await api.streamInfo("EVENTS");
  if (old === undefined) throw new Error("there is no stream");
  const steps = [
    () => first.store.setMark("EVENTS", { ...mark, move: { to: 2, after: 20 } }),
    () => api.updateStream({ ...old.config, subjects: ["linegate.closed.EVENTS"] }),
    () =>
      api.createStream({
        ...old.config,
        name: "EVENTS_2",
        subjects: [],
        sources: [{ name: "EVENTS", opt_start_seq: 21 }],
      }),
  ];
  for (const step of steps) await step();
  await first.link.stop();
  first.store.close();
  const second = await outbox({ server, dir: dirs.state, isSourced: true });
  await second.store.change([], [event("after")]);
  second.connect();
  await second.empty();
  expect(await second.messages("EVENTS_2")).toEqual([...numbers(30, 100), "after"]);
  // Killed before it was noted that all is done.
  const done = second.store.mark("EVENTS");
  await second.publisher.stop();
  await second.store.setMark("EVENTS", { ...mark, move: { to: 2, after: 20 } });
  await second.link.stop();
  second.store.close();
  const third = await outbox({ server, dir: dirs.state, isSourced: true });
  await third.store.change([], [event("then")]);
  third.connect();
  await third.empty();
  expect(await third.messages("EVENTS_2")).toEqual([...numbers(30, 100), "after", "then"]);
  expect(third.store.mark("EVENTS")).toMatchObject({ incarnation: 2, acked: (done?.acked ?? 0) + 1 });
});
