import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import type { Offline } from "../../nats/offline-watch.ts";
import { FakeClock } from "../testing.ts";
import type { StoreCondition } from "../../store/sqlite-state-store.ts";
import { offlineHealth, OfflineTeller, storeHealth } from "./offline-teller.ts";

const none = { rows: 0, bytes: 0 };
const stream = {
  outbox: none,
  stream: none,
  streamRoom: 1_000,
  isKeptWhole: false,
  oldest: undefined,
  bytesPerSecond: 1,
  fill: 0,
  left: 7_200,
};
const nothingLost = { full: 0, memory: 0, oversized: 0, stream: 0 };
const calm: Offline = {
  at: 10_000,
  away: "none",
  since: 1_000,
  messages: 0,
  bytes: 0,
  oldest: undefined,
  fill: 0,
  left: 7_200,
  streams: { EVENTS: stream, BATCHES: stream },
  drainBytesPerSecond: undefined,
  drainedAt: undefined,
  thinnedTo: undefined,
  lost: { EVENTS: nothingLost, BATCHES: nothingLost },
  isHubSilent: false,
  problem: undefined,
};
const hubAway: Offline = { ...calm, away: "hub", messages: 12, bytes: 3_400, oldest: 0, fill: 0.25 };

function teller(condition: StoreCondition = { isDurable: true, setAside: undefined }) {
  const said = {
    states: [] as object[],
    readings: [] as object[],
    events: [] as unknown[],
    thin: [] as unknown[],
  };
  const clock = new FakeClock();
  const one = new OfflineTeller({
    hasHub: true,
    store: () => condition,
    state: (part) => void said.states.push(part),
    readings: (values) => void said.readings.push(values),
    event: (name, data) => void said.events.push([name, data]),
    thin: (every) => void said.thin.push(every),
    clock,
  });
  return { one, said, clock };
}

test("a change is told at once, what waits with each look, and what stays as it is once a minute", async () => {
  const { one, said, clock } = teller();
  one.tell(calm);
  one.tell(calm);
  expect(said.states).toHaveLength(1);
  one.tell(hubAway);
  one.tell(hubAway);
  expect(said.states).toHaveLength(3);
  expect(said.states.at(-1)).toMatchObject({
    away: "hub",
    messages: 12,
    oldest: 0,
    fill: 0.25,
    hoursLeft: 2,
  });
  expect(said.readings.at(-1)).toMatchObject({
    "hub/connected": false,
    "nats/connected": true,
    "forward/offline": true,
    "forward/fill": 25,
    "forward/left": 2,
    "forward/age": 10,
  });
  one.tell(calm);
  const before = said.states.length;
  await clock.pass(60_000);
  one.tell(calm);
  expect(said.states.length).toBe(before + 1);
});

test("coarser windows are asked for and told as they begin and end, and each loss is, once a minute at most", async () => {
  const { one, said, clock } = teller();
  one.tell(calm);
  one.tell({ ...hubAway, thinnedTo: ms(60_000) });
  one.tell(calm);
  expect(said.thin).toEqual([60_000, undefined]);
  expect(said.events).toMatchObject([
    ["thinned", { active: true, everyMs: 60_000 }],
    ["thinned", { active: false }],
  ]);
  const losing = (messages: number) => ({
    ...hubAway,
    lost: { EVENTS: nothingLost, BATCHES: { ...nothingLost, stream: messages } },
  });
  for (const messages of [1, 2, 3]) one.tell(losing(messages));
  await clock.pass(60_000);
  one.tell(losing(3));
  expect(said.events.slice(2)).toMatchObject([
    ["lost", { messages: 1, BATCHES: { stream: 1 } }],
    ["lost", { messages: 3 }],
  ]);
});

test("/healthz says in words what waits for whom, and what nats-server refuses with", () => {
  expect(offlineHealth(undefined, undefined)).toEqual({ ok: true });
  expect(offlineHealth(calm, undefined)).toEqual({ ok: true });
  expect(offlineHealth(hubAway, undefined)).toEqual({
    ok: true,
    detail:
      "12 messages (3400 bytes) wait for the hub, the oldest of 1970-01-01T00:00:00.000Z; 25 % full, room for 2 h",
  });
  const stuck = offlineHealth(calm, "insufficient resources");
  expect(stuck.ok).toBe(false);
  expect(stuck.detail).toContain("nats-server does not store: insufficient resources");
  expect(offlineHealth({ ...hubAway, fill: 0.95 }, undefined).ok).toBe(false);
});

test("a disk that refuses, and a state that was corrupt, are told as tags and in words", () => {
  const condition = { isDurable: false, setAside: "/data/linegate.db.corrupt-2026" };
  const { one, said } = teller(condition);
  one.tell(calm);
  expect(said.readings).toEqual([expect.objectContaining({ "store/durable": false, "store/intact": false })]);
  expect(storeHealth(condition)).toEqual({
    ok: false,
    detail:
      "the disk refuses what is to survive a restart; a corrupt file was set aside at the start: /data/linegate.db.corrupt-2026",
  });
  expect(storeHealth({ isDurable: true, setAside: undefined })).toEqual({ ok: true });
});
