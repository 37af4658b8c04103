import fc from "fast-check";
import { expect, test } from "vitest";
import type { StationConfig } from "../../config/line.ts";
import { after, rise, station, testLine } from "./testing.ts";

/** A press and a welder that both read ids, and one behind them. */
function readers(welder: Partial<StationConfig> = {}) {
  const line = testLine({
    stations: [
      station("press", { ...rise("press/done"), part: "press/id" }),
      station("weld", {
        ...after("press"),
        ...rise("weld/done"),
        part: "weld/id",
        ready: [{ tag: "weld/go", is: true }],
        ...welder,
      }),
      station("pack", after("weld")),
    ],
  });
  const finish = async (name: string, id: string | null) => {
    await line.poll({ [`${name}/done`]: false });
    await line.poll({ [`${name}/done`]: true, [`${name}/id`]: id });
  };
  const go = (ready: boolean) => line.read("weld/go", ready);
  const weld = () => line.service.state.stations.get("weld");
  const waiting = () => weld()?.waiting["press"]?.map(({ part }) => part) ?? [];
  /** What the welder said of the parts that it finished. */
  const finished = () =>
    line.events
      .filter(({ station, event }) => station === "weld" && event === "complete")
      .map(({ part, unprepared, unexpected, expected }) =>
        Object.fromEntries(
          Object.entries({ part, unprepared, unexpected, expected }).filter(
            ([, value]) => value !== undefined,
          ),
        ),
      );
  return { ...line, finish, go, weld, waiting, finished };
}

test("a part that waits is taken by its id wherever it stands; one that is finished twice takes no other part's place", async () => {
  const { finish, waiting, finished, story } = readers();
  for (const id of ["11", "12", "13"]) await finish("press", id);
  for (const id of ["12", "11", "12"]) await finish("weld", id);
  expect(waiting()).toEqual(["13"]);
  expect(finished()).toEqual([
    { part: "12", unprepared: true, expected: "11" },
    { part: "11", unprepared: true },
    { part: "12", unexpected: true, expected: "13" },
  ]);
  expect(story().filter((one) => one.startsWith("pack complete"))).toEqual([
    "pack complete 12",
    "pack complete 11",
    "pack complete 12",
  ]);
});

test("a part that another one went past waits again at its place, and is prepared for again", async () => {
  const { finish, go, weld, waiting, finished } = readers();
  for (const id of ["11", "12", "13"]) await finish("press", id);
  await go(true);
  expect(weld()?.cycle?.part).toBe("11");
  await go(false);
  await finish("weld", "12");
  expect(waiting()).toEqual(["11", "13"]);
  expect(finished()).toEqual([{ part: "12", unprepared: true, expected: "11" }]);
  await go(true);
  expect(weld()?.cycle?.part).toBe("11");
  await finish("weld", "11");
  expect(finished().at(-1)).toEqual({ part: "11" });
  expect(weld()?.cycle?.part).toBe("13");
});

test("a part that others went past twice is given up with a word, and stands in nobody's way", async () => {
  const { finish, go, weld, waiting, events } = readers();
  for (const id of ["11", "12", "13", "14"]) await finish("press", id);
  await go(true);
  await finish("weld", "12");
  await finish("weld", "13");
  expect(events.find(({ event }) => event === "missed")).toMatchObject({
    station: "weld",
    reason: "passed",
    part: "11",
  });
  expect(weld()?.cycle?.part).toBe("14");
  await finish("weld", "11");
  expect(events.findLast(({ event }) => event === "complete")).toMatchObject({ station: "pack" });
  expect([weld()?.cycle?.part, ...waiting()]).toEqual(["14"]);
});

test("an id that nobody has heard of is the prepared part's new name, and what was expected is told", async () => {
  const { finish, go, weld, waiting, finished } = readers();
  await finish("press", "20");
  await go(true);
  await finish("press", "21");
  await finish("weld", "99");
  expect(finished()).toEqual([{ part: "99", unexpected: true, expected: "20" }]);
  expect(weld()?.cycle?.part).toBe("21");
  // Where 99 was another part after all, 20 takes no other one's place.
  await finish("weld", "20");
  expect(finished().at(-1)).toEqual({ part: "20", unexpected: true, expected: "21" });
  expect([weld()?.cycle?.part, ...waiting()]).toEqual(["21"]);
});

test("an id that nobody has heard of, at a station that was told nothing, takes no part that has an id of its own", async () => {
  const { finish, waiting, finished } = readers();
  await finish("weld", "7");
  await finish("press", "20");
  await finish("weld", "99");
  expect(waiting()).toEqual(["20"]);
  expect(finished()).toEqual([
    { part: "7", unexpected: true },
    { part: "99", unexpected: true, expected: "20" },
  ]);
});

test("the first tag that tells an id names a part whose id was made, and says nothing of it", async () => {
  const { finish, go, waiting, finished } = readers();
  await finish("press", null);
  await finish("press", null);
  await finish("weld", "A7");
  expect(waiting()).toEqual(["press-2"]);
  await go(true);
  await finish("weld", "A8");
  expect(finished()).toEqual([{ part: "A7", unprepared: true }, { part: "A8" }]);
});

test("what is joined may have an id of its own", async () => {
  const join = after("press", "mill");
  const line = testLine({
    stations: [
      station("press", { ...rise("press/done"), part: "press/id" }),
      station("mill", { ...rise("mill/done"), part: "mill/id" }),
      station("join", { ...join, ...rise("join/done"), part: "join/id" }),
    ],
  });
  const finish = async (name: string, id: string) => {
    await line.poll({ [`${name}/done`]: false });
    await line.poll({ [`${name}/done`]: true, [`${name}/id`]: id });
  };
  await finish("press", "P1");
  await finish("mill", "M1");
  await finish("join", "J1");
  expect(line.events.at(-1)).toMatchObject({ station: "join", part: "J1", cycle: 1 });
  expect(line.events.at(-1)).not.toHaveProperty("unexpected");
});

test("the same id twice at the first station is told", async () => {
  const { finish, events } = readers();
  await finish("press", "20");
  await finish("press", "20");
  expect(events.map(({ part, unexpected }) => [part, unexpected])).toEqual([
    ["20", undefined],
    ["20", true],
  ]);
});

test("triggered with a part that waits, a station takes that one; with one that does not, what waits goes first", async () => {
  const { finish, weld, waiting, service } = readers();
  for (const id of ["11", "12", "13"]) await finish("press", id);
  const trigger = (part: string) => service.request({ kind: "trigger", station: "weld", by: "anna", part });
  await trigger("12");
  expect(weld()?.cycle).toMatchObject({ part: "12", from: "press" });
  expect(waiting()).toEqual(["11", "13"]);
  await finish("weld", "12");
  await trigger("X");
  expect(weld()?.cycle?.part).toBe("11");
});

test("whatever ids a station tells, each part that came to it is there, was finished, or was given up with a word", async () => {
  const id = fc.integer({ min: 1, max: 8 }).map(String);
  const step = fc.oneof(
    fc.constant({ kind: "press" as const }),
    fc.record({ kind: fc.constant("weld" as const), id }),
    fc.record({ kind: fc.constant("go" as const), ready: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 24 }), async (steps) => {
      const { finish, go, weld, waiting, events } = readers();
      let pressed = 0;
      for (const one of steps) {
        if (one.kind === "press") await finish("press", String((pressed += 1)));
        else if (one.kind === "weld") await finish("weld", one.id);
        else await go(one.ready);
      }
      const told = events.filter(({ station }) => station === "weld");
      const done = told.filter(({ event }) => event === "complete");
      const named = new Set([
        ...done.map(({ part }) => part),
        ...done.filter(({ unexpected }) => unexpected === true).map(({ expected }) => expected),
        ...told.filter(({ event }) => event === "missed").map(({ part }) => part),
        weld()?.cycle?.part,
        ...waiting(),
      ]);
      for (let part = 1; part <= pressed; part += 1) expect(named).toContain(String(part));
      // None stands twice, and they stand in the order in which they came.
      expect(waiting().map(Number)).toEqual([...new Set(waiting().map(Number))].sort((a, b) => a - b));
    }),
    { numRuns: 150 },
  );
});
