import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { FakeStore } from "../testing.ts";
import { after, press, pressAndWelder, rise, station, testLine } from "./testing.ts";

test("a part goes through: complete, prepare with its write, confirmed, complete", async () => {
  const line = testLine(pressAndWelder());
  await line.read("welder-1/parts", 7);
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  expect(line.writes).toEqual([
    {
      tag: "welder-1/setpoint",
      value: 8.6,
      by: "service:scheduling",
      why: "weld: press complete, part press-1",
      expiresInMs: 3_000,
    },
  ]);
  await line.clock.pass(120);
  await line.read("welder-1/clamp", true);
  await line.read("welder-1/parts", 8);
  expect(line.story()).toEqual([
    "press complete press-1",
    "weld prepare press-1",
    "weld confirmed press-1",
    "weld complete press-1",
  ]);
  expect(line.topics[1]).toBe("line/plant1/line1/weld/prepare");
  expect(line.events[1]).toEqual({
    station: "weld",
    event: "prepare",
    sequence: 1,
    timestamp: line.clock.time - 120,
    part: "press-1",
    cycle: 1,
    from: "press",
    latencyMs: 0,
  });
  expect(line.events[2]).toMatchObject({ latencyMs: 120, sequence: 2 });
});

test("nothing is sent before it is stored, and what is sent is taken out of the store", async () => {
  const line = testLine(pressAndWelder());
  await line.read("press-1/done", false);
  line.store.diesAfter = line.store.commits;
  await line.read("press-1/done", true);
  expect(line.story()).toEqual([]);
  const other = testLine(pressAndWelder());
  await other.read("press-1/done", false);
  await other.read("press-1/done", true);
  expect(other.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
  await other.clock.pass(20);
  for (const json of other.store.disk.values()) expect(JSON.parse(json)).toMatchObject({ outbox: [] });
});

test("a confirmation that does not come in time is missed, and asks somebody to look; one that comes late counts", async () => {
  const line = testLine(pressAndWelder());
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  await line.clock.pass(2_999);
  expect(line.story()).toHaveLength(2);
  await line.clock.pass(1);
  expect(line.events[2]).toMatchObject({ event: "missed", reason: "not-confirmed", part: "press-1" });
  await line.read("welder-1/clamp", true);
  expect(line.events[3]).toMatchObject({ event: "confirmed", afterMissed: true });
  expect(line.service.state.stations.get("weld")?.phase).toBe("working");
});

test("a write that fails is missed with what was wrong; triggered again, the same part is prepared for", async () => {
  const line = testLine(pressAndWelder());
  line.answers.next = async () => ({
    ok: false,
    code: "DEVICE_UNREACHABLE",
    message: "It is away.",
    tookMs: 1,
  });
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  expect(line.events.at(-1)).toMatchObject({
    event: "missed",
    reason: "not-written",
    message: "It is away.",
  });
  line.answers.next = async () => ({ ok: true, tookMs: 1 });
  expect(await line.service.request({ kind: "trigger", station: "weld", by: "anna" })).toBeUndefined();
  await line.read("welder-1/clamp", true);
  expect(line.story().slice(3)).toEqual(["weld prepare press-1", "weld confirmed press-1"]);
  expect(line.events[3]).toMatchObject({ repeated: true, by: "anna", cycle: 1 });
});

test("an order to a vehicle is published with the part in it, on the topic of the mapping", async () => {
  const payload = {
    orderId: "${part}",
    headerId: "${cycle}",
    nodes: ["from ${station}"],
    timestamp: "${time}",
  };
  const prepare = {
    repeat: "ask" as const,
    writes: [],
    publications: [{ to: "mqtt" as const, name: "agv/1/order", payload }],
  };
  const line = testLine({ stations: [press, station("agv", { ...after("press"), prepare })] });
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  expect(line.messages).toEqual([
    {
      to: "mqtt",
      name: "agv/1/order",
      payload: {
        orderId: "press-1",
        headerId: 1,
        nodes: ["from agv"],
        timestamp: new Date(line.clock.time).toISOString(),
      },
    },
  ]);
  expect(line.story()).toEqual(["press complete press-1", "agv prepare press-1", "agv complete press-1"]);
});

test("a breach of `within` is told as late, with both times, and counted by route", async () => {
  const line = testLine(pressAndWelder({ within: ms(50) }));
  await line.read("press-1/done", false);
  const { store, clock } = line;
  const change = store.change.bind(store);
  store.change = async (changes) => {
    clock.time += 60;
    return change(changes);
  };
  await line.read("press-1/done", true);
  expect(line.events.at(-1)).toMatchObject({ event: "late", latencyMs: 60, withinMs: 50, part: "press-1" });
  const metrics = [...line.service.metrics()].map(({ name, samples }) => [name, [...samples]]);
  expect(metrics).toContainEqual([
    "linegate_line_prepare_seconds",
    [[{ from: "press", to: "weld" }, expect.objectContaining({ count: 1, sum: 60 })]],
  ]);
  expect(metrics).toContainEqual([
    "linegate_line_events_total",
    expect.arrayContaining([[{ station: "weld", event: "late" }, 1]]),
  ]);
});

test.each(["safe", "ask"] as const)(
  "what a prepare tells of its latency, on MQTT and on NATS, is what `late` judges by (repeat: %s)",
  async (repeat) => {
    const prepare = { repeat, writes: [{ tag: "welder-1/setpoint", value: 8.6 }], publications: [] };
    const line = testLine(pressAndWelder({ within: ms(5), prepare }));
    const { answers, clock, store } = line;
    const next = answers.next.bind(answers);
    answers.next = () => {
      clock.time += 10;
      return next();
    };
    await line.read("press-1/done", false);
    await line.read("press-1/done", true);
    expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1", "weld late press-1"]);
    const [told, late] = line.events.slice(1);
    expect([told?.["latencyMs"], late?.["latencyMs"]]).toEqual([10, 10]);
    clock.time += 100;
    const onNats = store.messages.find(({ subject }) => subject.endsWith("prepare"))?.live?.() ?? "";
    expect(JSON.parse(onNats)).toMatchObject({ latencyMs: 10 });
  },
);

test("a prepare that is nothing but its event is sent when that goes out: by then its latency is measured", async () => {
  const line = testLine({ stations: [press, station("store", { ...after("press"), within: ms(5) })] });
  await line.read("press-1/done", false);
  const { store, clock } = line;
  const change = store.change.bind(store);
  store.change = async (...given) => {
    clock.time += 60;
    return change(...given);
  };
  await line.read("press-1/done", true);
  expect(line.events.find(({ event }) => event === "prepare")).toMatchObject({ latencyMs: 60 });
  expect(line.events.find(({ event }) => event === "late")).toMatchObject({ latencyMs: 60, withinMs: 5 });
});

test.each([-3_600_000, 3_600_000])(
  "a wall clock that steps by %d ms makes a confirmation neither late nor missed",
  async (step) => {
    const line = testLine(pressAndWelder());
    await line.read("press-1/done", false);
    await line.read("press-1/done", true);
    line.clock.now = () => line.clock.time + step;
    await line.clock.pass(2_999);
    expect(line.story()).toHaveLength(2);
    await line.clock.pass(1);
    expect(line.events[2]).toMatchObject({ event: "missed", reason: "not-confirmed" });
  },
);

test("an edited line keeps what the stations hold that stay as they are", async () => {
  const line = testLine(pressAndWelder());
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  const before = line.service.state.stations.get("weld");
  line.service.apply({ stations: [...pressAndWelder().stations, station("store", after("weld"))] });
  expect(line.service.state.stations.get("weld")).toBe(before);
  await line.read("welder-1/clamp", true);
  await line.read("welder-1/parts", 1);
  await line.read("welder-1/parts", 2);
  expect(line.story().slice(2)).toEqual([
    "weld confirmed press-1",
    "weld complete press-1",
    "store prepare press-1",
    "store complete press-1",
  ]);
  line.service.apply({ stations: [press] });
  await line.service.stop();
  expect([...line.store.disk.keys()]).toEqual(["press"]);
});

test("an edit takes back what hung on it: a confirmation that is no longer asked for, a buffer that is larger", async () => {
  const line = testLine(pressAndWelder({ buffer: 1 }));
  const stroke = async () => {
    await line.read("press-1/done", false);
    await line.read("press-1/done", true);
  };
  for (let part = 0; part < 3; part += 1) await stroke();
  expect(line.events.at(-1)).toMatchObject({ event: "blocked", blocked: true });
  const edited = pressAndWelder({ buffer: 2 }).stations.map(({ confirm: _confirm, ...rest }) => rest);
  line.service.apply({ stations: edited });
  await line.clock.pass(0);
  expect(line.events.at(-1)).toMatchObject({ event: "blocked", blocked: false });
  expect(line.service.state.stations.get("weld")?.phase).toBe("working");
  line.service.apply({ stations: [press] });
  expect(line.service.state.stations.get("press")?.blockedBy).toEqual([]);
});

test("an edit that names a tag which stands still knows at once how it stands", async () => {
  const line = testLine(pressAndWelder());
  await line.read("welder-1/worn", false);
  line.service.apply(pressAndWelder({ ready: [{ tag: "welder-1/worn", is: false }] }));
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
});

test("an edit of what completes a station loses no part, and what was read before it finishes and confirms nothing", async () => {
  const line = testLine(pressAndWelder());
  await line.read("mill-1/done", true);
  await line.read("welder-1/other", true);
  await line.read("press-1/done", true);
  const welder = pressAndWelder({ confirm: { tag: "welder-1/other", is: true, within: ms(3_000) } });
  const edited = (complete: ReturnType<typeof rise>) => ({
    stations: [station("press", complete), ...welder.stations.slice(1)],
  });
  line.service.apply(edited(rise("mill-1/done")));
  await line.clock.pass(0);
  expect(line.story()).toEqual([]);
  line.service.apply(edited({ complete: { tag: "press-1/done", kind: "edge", edge: "fall" } }));
  await line.read("press-1/done", false);
  expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
  line.service.apply(pressAndWelder());
  await line.clock.pass(10);
  line.service.apply(welder);
  await line.clock.pass(0);
  expect(line.story()).toHaveLength(2);
});

test("what the store holds of another version is left alone with a word, and the station begins anew", async () => {
  const store = new FakeStore();
  store.disk.set("press", '{"version":99,"sequence":"many"}');
  store.disk.set("weld", "no JSON");
  const line = testLine(pressAndWelder(), { store });
  expect(line.log.filter((message) => message.includes("begins anew"))).toHaveLength(2);
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
});

test("what is decided goes out in the very turn of the event loop in which it is stored", async () => {
  const line = testLine(pressAndWelder());
  await line.read("press-1/done", false);
  const { promise, resolve } = Promise.withResolvers<"stored">();
  line.store.change = () => promise;
  await line.read("press-1/done", true);
  expect(line.story()).toEqual([]);
  let turns = 0;
  setImmediate(() => (turns += 1));
  resolve("stored");
  for (let step = 0; step < 10; step += 1) await promise;
  expect(turns).toBe(0);
  expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
  expect(line.writes).toHaveLength(1);
});

test("a prepare that may be repeated waits for no disk; what is told of it does, and a confirmation counts at once", async () => {
  const prepare = {
    repeat: "safe" as const,
    writes: [{ tag: "welder-1/setpoint", value: 8.6 }],
    publications: [{ to: "mqtt" as const, name: "welder-1/recipe", payload: { part: "${part}" } }],
  };
  const line = testLine(pressAndWelder({ prepare }));
  await line.read("press-1/done", false);
  const { promise, resolve } = Promise.withResolvers<"stored">();
  line.store.change = () => promise;
  await line.read("press-1/done", true);
  expect(line.writes).toMatchObject([
    { tag: "welder-1/setpoint", why: "weld: press complete, part press-1" },
  ]);
  expect(line.messages).toMatchObject([{ name: "welder-1/recipe", payload: { part: "press-1" } }]);
  await line.clock.pass(40);
  await line.read("welder-1/clamp", true);
  expect(line.story()).toEqual([]);
  resolve("stored");
  await line.clock.pass(0);
  expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1", "weld confirmed press-1"]);
  expect(line.events[1]).toMatchObject({ latencyMs: 0 });
  expect(line.events[2]).toMatchObject({ latencyMs: 40 });
  expect(line.writes).toHaveLength(1);
});

test("killed before the disk has heard of it, a prepare that may be repeated is decided, and written, once more", async () => {
  const writes = [{ tag: "welder-1/setpoint", value: 8.6 }];
  const config = pressAndWelder({ prepare: { repeat: "safe", writes, publications: [] } });
  const line = testLine(config);
  await line.read("press-1/done", false);
  const atKill = new FakeStore();
  for (const [key, value] of line.store.disk) atKill.disk.set(key, value);
  line.store.diesAfter = line.store.commits;
  await line.read("press-1/done", true);
  expect(line.writes).toHaveLength(1);
  const after = testLine(config, { store: atKill, clock: line.clock });
  await after.read("press-1/done", true);
  expect(after.writes).toEqual(line.writes);
  expect(after.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
});

test("a stop waits for the writes under way, and leaves nothing to be sent again", async () => {
  const line = testLine(pressAndWelder());
  const { promise, resolve } = Promise.withResolvers<{ ok: true; tookMs: number }>();
  line.answers.next = () => promise;
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  const stopped = line.service.stop();
  resolve({ ok: true, tookMs: 5 });
  await stopped;
  expect(JSON.parse(line.store.disk.get("weld") ?? "")).toMatchObject({ phase: "preparing", outbox: [] });
  const next = testLine(pressAndWelder(), { store: line.store, clock: line.clock });
  await line.clock.pass(0);
  expect(next.story()).toEqual([]);
});

test("that events went out costs no commit of its own where a decision comes soon, and one where none does", async () => {
  const line = testLine({ stations: [press, station("store", after("press"))] });
  await line.read("press-1/done", false);
  await line.clock.pass(1_000);
  await line.read("press-1/done", true);
  const decided = line.store.commits;
  await line.clock.pass(50);
  expect(line.store.commits).toBe(decided);
  await line.read("press-1/done", false);
  await line.read("press-1/done", true);
  await line.clock.pass(60);
  const next = line.store.commits;
  await line.clock.pass(1_000);
  expect(line.store.commits).toBe(next + 1);
  await line.clock.pass(1_000);
  expect(line.store.commits).toBe(next + 1);
});
