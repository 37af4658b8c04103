import { expect, test } from "vitest";
import type { LineConfig } from "../../config/line.ts";
import { after, counter, press, pressAndWelder, rise, station, testLine } from "./testing.ts";

async function stroke(line: ReturnType<typeof testLine>, tag = "press-1/done"): Promise<void> {
  await line.read(tag, false);
  await line.read(tag, true);
}

test("three parts of a counter that jumped go through one after the other, and are said to be recovered", async () => {
  const line = testLine({
    stations: [station("press", counter("press-1/strokes")), station("store", after("press"))],
  });
  await line.read("press-1/strokes", 10);
  await line.read("press-1/strokes", null);
  await line.read("press-1/strokes", 13);
  const completes = line.events.filter(({ station }) => station === "press");
  expect(completes.map(({ part, recovered, nth, of }) => [part, recovered, nth, of])).toEqual([
    ["press-1", true, 1, 3],
    ["press-2", true, 2, 3],
    ["press-3", true, 3, 3],
  ]);
  expect(line.story().filter((one) => one.startsWith("store complete"))).toHaveLength(3);
});

test("a counter that was reset is told as missed, with where it went", async () => {
  const line = testLine({ stations: [station("press", counter("press-1/strokes"))] });
  await line.read("press-1/strokes", 500);
  await line.read("press-1/strokes", 2);
  expect(line.events).toMatchObject([{ event: "missed", reason: "counter-reset", from: "500", to: "2" }]);
});

test("a station that is not ready, held or busy lets its part wait, and takes it as soon as it can", async () => {
  const ready = [{ tag: "welder-1/worn", is: false }];
  const line = testLine(pressAndWelder({ ready }));
  await stroke(line);
  expect(line.story()).toEqual(["press complete press-1"]);
  await line.service.request({ kind: "hold", station: "weld", by: "anna" });
  await line.read("welder-1/worn", false);
  expect(line.story()).toHaveLength(1);
  await line.service.request({ kind: "resume", station: "weld", by: "anna" });
  expect(line.story()[1]).toBe("weld prepare press-1");
  await stroke(line);
  await line.read("welder-1/clamp", true);
  await line.read("welder-1/worn", null);
  await line.read("welder-1/parts", 1);
  await line.read("welder-1/parts", 2);
  expect(line.story().slice(2)).toEqual([
    "press complete press-2",
    "weld confirmed press-1",
    "weld complete press-1",
  ]);
  await line.read("welder-1/worn", false);
  expect(line.story()[5]).toBe("weld prepare press-2");
});

test("a confirmation is an answer: what stood there before the prepare was sent is none", async () => {
  const line = testLine(pressAndWelder());
  await line.read("welder-1/clamp", true);
  await stroke(line);
  expect(line.story()).toHaveLength(2);
  await line.read("welder-1/clamp", true);
  expect(line.story()[2]).toBe("weld confirmed press-1");
});

test("a reading that was perhaps told before confirms only what was sent before its own time", async () => {
  const line = testLine(pressAndWelder());
  await stroke(line);
  const sentAt = line.clock.now();
  await line.clock.pass(100);
  await line.read("welder-1/clamp", true, sentAt - 10);
  expect(line.story()).toHaveLength(2);
  await line.read("welder-1/clamp", true, sentAt + 10);
  expect(line.story()[2]).toBe("weld confirmed press-1");
});

test("a reading that comes while the prepare is still being stored confirms nothing", async () => {
  const line = testLine(pressAndWelder());
  const { promise, resolve } = Promise.withResolvers<"stored">();
  await line.read("press-1/done", false);
  line.store.change = () => promise;
  await line.read("press-1/done", true);
  await line.read("welder-1/clamp", true);
  resolve("stored");
  await line.clock.pass(0);
  expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
});

test("a station that is held stays so by whom it was held first", async () => {
  const line = testLine(pressAndWelder());
  await line.service.request({ kind: "hold", station: "weld", by: "anna" });
  await line.service.request({ kind: "hold", station: "weld", by: "bert" });
  expect(line.service.state.stations.get("weld")?.held?.by).toBe("anna");
});

test("`all` joins one part of each, `any` takes whichever came first", async () => {
  const two = [press, station("mill", rise("mill-1/done"))];
  const joined = testLine({ stations: [...two, station("join", after("press", "mill"))] });
  await stroke(joined);
  await stroke(joined);
  expect(joined.story().filter((one) => one.startsWith("join"))).toEqual([]);
  await stroke(joined, "mill-1/done");
  expect(joined.events.at(-2)).toMatchObject({
    event: "prepare",
    part: "press-1",
    parts: ["press-1", "mill-1"],
  });
  const any: LineConfig = {
    stations: [
      ...two,
      station("merge", {
        after: { mode: "any", stations: ["mill", "press"], initial: {} },
        ...rise("m/done"),
      }),
    ],
  };
  const merged = testLine(any);
  for (const tag of ["mill-1/done", "press-1/done", "mill-1/done", "m/done", "m/done"])
    await stroke(merged, tag);
  expect(merged.story().filter((one) => one.startsWith("merge prepare"))).toEqual([
    "merge prepare mill-1",
    "merge prepare press-1",
    "merge prepare mill-2",
  ]);
});

test("a loop starts with its initial parts, and goes round as the stations finish", async () => {
  const line = testLine({
    stations: [
      station("load", {
        after: { mode: "all", stations: ["unload"], initial: { unload: 1 } },
        ...rise("l/done"),
      }),
      station("unload", { ...after("load"), ...rise("u/done") }),
    ],
  });
  await line.read("l/done", false);
  expect(line.story()).toEqual(["load prepare unload-initial-1"]);
  await stroke(line, "l/done");
  await stroke(line, "u/done");
  expect(line.story().slice(1)).toEqual([
    "load complete unload-initial-1",
    "unload prepare unload-initial-1",
    "unload complete unload-initial-1",
    "load prepare unload-initial-1",
  ]);
});

test("a station is blocked when what it finished finds no room, and told when there is room again", async () => {
  const line = testLine({
    stations: [press, station("weld", { ...after("press"), ...rise("w/done"), buffer: 1 })],
  });
  await stroke(line);
  await stroke(line);
  expect(line.story().filter((one) => one.includes("blocked"))).toEqual([]);
  await stroke(line);
  expect(line.events.at(-1)).toMatchObject({
    station: "press",
    blocked: true,
    by: "weld",
    waiting: 2,
    buffer: 1,
  });
  await stroke(line, "w/done");
  expect(line.events.filter(({ event }) => event === "blocked").at(-1)).toMatchObject({
    blocked: false,
    waiting: 1,
  });
});

test("the part's id comes from the tag that the mapping names, else it follows the part", async () => {
  const line = testLine({
    stations: [
      station("press", { ...rise("press-1/done"), part: "press-1/id" }),
      station("store", after("press")),
    ],
  });
  await line.read("press-1/id", "P-000417 ");
  await stroke(line);
  await line.read("press-1/id", null);
  await stroke(line);
  expect(line.story().filter((one) => one.startsWith("store complete"))).toEqual([
    "store complete P-000417",
    "store complete press-1",
  ]);
});

test("a station that finishes what it was never told to prepare for takes the part that waits, and says so", async () => {
  const line = testLine(pressAndWelder());
  await line.service.request({ kind: "hold", station: "weld", by: "anna" });
  await line.read("welder-1/parts", 1);
  await stroke(line);
  await line.read("welder-1/parts", 2);
  expect(line.events.at(-1)).toMatchObject({
    station: "weld",
    event: "complete",
    part: "press-1",
    unprepared: true,
  });
  await line.read("welder-1/parts", 3);
  expect(line.events.at(-1)).toMatchObject({ part: "weld-1" });
});

test("requests that make no sense are refused in words, and change nothing", async () => {
  const line = testLine(pressAndWelder());
  const ask = (kind: "trigger" | "resume", station: string) =>
    line.service.request({ kind, station, by: "anna" });
  expect(await ask("trigger", "wield")).toBe('There is no station "wield".');
  expect(await ask("resume", "weld")).toMatch(/neither held nor/);
  await line.service.request({ kind: "hold", station: "weld", by: "bert" });
  expect(await ask("trigger", "weld")).toMatch(/held by bert/);
  await ask("resume", "weld");
  expect(await ask("trigger", "weld")).toBeUndefined();
  expect(await ask("trigger", "weld")).toMatch(/has the part weld-1 and is preparing/);
  expect(await ask("trigger", "press")).toBeUndefined();
  expect(line.story()).toEqual(["weld prepare weld-1", "press complete press-1"]);
});

test("after a miss, resume takes the part for prepared", async () => {
  const line = testLine(pressAndWelder());
  await stroke(line);
  await line.clock.pass(3_000);
  await line.service.request({ kind: "resume", station: "weld", by: "anna" });
  expect(line.service.state.stations.get("weld")).toMatchObject({
    phase: "working",
    cycle: { part: "press-1" },
  });
});

test("before a station that stands still for good, no more than 500 parts are followed", async () => {
  const line = testLine({
    stations: [
      station("press", counter("p/c", { most: 600 })),
      station("weld", { ...after("press"), ...rise("w/d") }),
    ],
  });
  await line.service.request({ kind: "hold", station: "weld", by: "anna" });
  await line.read("p/c", 0);
  await line.read("p/c", 501);
  expect(line.events.filter(({ event }) => event === "missed")).toMatchObject([
    { station: "weld", reason: "overflow", part: "press-1" },
  ]);
  expect(line.service.state.stations.get("weld")?.waiting["press"]).toHaveLength(500);
});

test("while a device is away that the prepare writes to, the part waits; it is prepared for when the device is back", async () => {
  const line = testLine(pressAndWelder());
  await line.see("welder-1", "offline");
  await stroke(line);
  expect(line.story()).toEqual(["press complete press-1"]);
  await line.see("welder-1", "online");
  expect(line.story()[1]).toBe("weld prepare press-1");
});
