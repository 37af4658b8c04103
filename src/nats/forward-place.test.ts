import { beforeEach, expect, test, vi } from "vitest";
import { createDurable } from "./durable-stream.ts";
import { findPlace } from "./forward-place.ts";
import { placeHeader, type TakenPlace } from "./hub-place.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { headersOf } from "./headers.ts";
import { never, noServerHere, testLink, testServer } from "./testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const intake = "EVENTS-from-gw";

/** The gateway's stream with messages of these ids, and what the hub has of it: id and place of each. */
async function streams(local: readonly string[], atHub: readonly (readonly [id: string, place: number])[]) {
  const server = await testServer();
  await server.start(never);
  const link = testLink();
  link.start(() => ({ url: `nats://127.0.0.1:${server.port}` }));
  await expect.poll(() => link.state).toBe("connected");
  const api = new JetStreamApi((subject, payload, headers) => link.request(subject, payload, 2_000, headers));
  const { config } = await createDurable(api, "EVENTS", 1, 8_000_000);
  await api.createStream({ ...config, name: intake, subjects: ["hub.>"], max_bytes: 1_000_000 });
  const publish = (subject: string, fields: Readonly<Record<string, string>>) =>
    api.publish(subject, "{}", headersOf(fields).header);
  for (const id of local) await publish("event.a", { "Nats-Msg-Id": id });
  for (const [id, place] of atHub)
    await publish("hub.event.a", { "Nats-Msg-Id": id, [placeHeader]: `EVENTS ${place}` });
  const find = (known?: TakenPlace) =>
    findPlace({ stream: "EVENTS", intake, hub: api, local: api, link, incarnation: 1, known });
  const remove = () => link.request(`$JS.API.STREAM.DELETE.${intake}`, "", 2_000);
  return { api, find, remove };
}

const same = (ids: readonly string[]) => ids.map((id, index) => [id, index + 1] as const);

test("it goes on behind the last message that the hub has", async () => {
  const { find } = await streams(["a", "b", "c"], same(["a", "b"]));
  expect(await find()).toMatchObject({ incarnation: 1, seq: 2, expected: 2, isOther: false, isAnew: false });
});

test("where the hub has nothing it begins at the first, or behind what was known before", async () => {
  const { find } = await streams(["a", "b", "c"], []);
  expect(await find()).toMatchObject({ incarnation: 1, seq: 0 });
  expect(await find({ incarnation: 1, seq: 2 })).toMatchObject({ seq: 2 });
});

test("a stream that came back with less, and went on with other messages, goes on where both part", async () => {
  const ids = Array.from({ length: 40 }, (_, index) => `m${index + 1}`);
  const { find } = await streams([...ids.slice(0, 23), "x", "y"], same(ids));
  expect(await find()).toMatchObject({ incarnation: 1, seq: 23, expected: 40, isOther: true });
});

test("a stream of which the hub has nothing is sent from its beginning", async () => {
  const { find } = await streams(["x", "y", "z"], same(["a", "b", "c", "d"]));
  expect(await find()).toMatchObject({ seq: 0, isOther: true });
});

test("an intake that was deleted and made anew gets all that there still is, one that is another's goes on as known", async () => {
  const { api, find, remove } = await streams(["a", "b", "c"], same(["a", "b"]));
  const of = (await find())?.of;
  await remove();
  const { config } = await createDurable(api, "EVENTS", 1, 8_000_000);
  await api.createStream({ ...config, name: intake, subjects: ["hub.>"], max_bytes: 1_000_000 });
  await api.publish("hub.event.a", "{}", headersOf({ "Nats-Msg-Id": "c", [placeHeader]: "EVENTS 3" }).header);
  const found = await find({ incarnation: 1, seq: 3, of });
  expect(found).toMatchObject({ incarnation: 1, seq: 0, expected: 1, isAnew: true });
  expect(await find({ incarnation: 1, seq: 3, of: found?.of })).toMatchObject({ seq: 3, isAnew: false });
  expect(await find({ incarnation: 1, seq: 3, of: "EVENTS 2026-01-01T00:00:00Z" })).toMatchObject({
    seq: 3,
    isAnew: false,
  });
});

test("what the limits removed is at the hub, or lost: it goes on with what there is", async () => {
  const { api, find } = await streams(["a", "b", "c", "d"], same(["a", "b"]));
  await api.purge("EVENTS", 4);
  expect(await find()).toMatchObject({ seq: 2, isOther: false });
});

test("what arrives there between two looks, from an earlier connection, is reckoned with", async () => {
  const { api, find } = await streams(["a", "b", "c"], same(["a"]));
  const info = api.streamInfo.bind(api);
  const late = headersOf({ "Nats-Msg-Id": "b", [placeHeader]: "EVENTS 2" }).header;
  vi.spyOn(api, "streamInfo").mockImplementationOnce(async (name) => {
    const seen = await info(name);
    await api.publish("hub.event.a", "{}", late);
    return seen;
  });
  expect(await find()).toMatchObject({ incarnation: 1, seq: 2, expected: 2, isOther: false, isAnew: false });
});

test("a hub without an intake is told apart from an empty one", async () => {
  const { api, find } = await streams([], []);
  await api.purge(intake);
  expect(await find()).toMatchObject({ seq: 0 });
  const gone = findPlaceWithout(api);
  expect(await gone).toBeUndefined();
});

function findPlaceWithout(api: JetStreamApi) {
  const link = testLink();
  const options = { stream: "EVENTS", hub: api, local: api, link, incarnation: 1, known: undefined } as const;
  return findPlace({ ...options, intake: "EVENTS-from-other" });
}
