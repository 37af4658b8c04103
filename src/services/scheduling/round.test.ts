import fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { rounds } from "./round.ts";
import { after, counter, pressAndWelder, rise, station, testLine } from "./testing.ts";

const reader = { part: "press-1/id" };

test("the id that is read in the poll of the completion is its id, whichever tag stands first in the mapping", async () => {
  const line = testLine({ stations: [station("press", { ...rise("press-1/done"), ...reader })] });
  await line.poll({ "press-1/done": false, "press-1/id": 100 });
  await line.poll({ "press-1/done": true, "press-1/id": 101 });
  await line.poll({ "press-1/id": 102, "press-1/done": false });
  await line.poll({ "press-1/id": 103, "press-1/done": true });
  expect(line.events.map(({ part, unread }) => [part, unread])).toEqual([
    ["101", undefined],
    ["103", undefined],
  ]);
});

test("of several parts at once the id is the newest one's; the others' are made, and it is said", async () => {
  const line = testLine({
    stations: [
      station("press", { ...counter("press-1/strokes"), ...reader }),
      station("store", after("press")),
    ],
  });
  await line.poll({ "press-1/strokes": 10, "press-1/id": 500 });
  await line.poll({ "press-1/strokes": 13, "press-1/id": 503 });
  const completes = line.events.filter(({ station }) => station === "press");
  expect(completes.map(({ part, nth, unread }) => [part, nth, unread])).toEqual([
    ["press-1", 1, true],
    ["press-2", 2, true],
    ["503", 3, undefined],
  ]);
});

test("an id that can't be read is made, or follows the part, and it is said", async () => {
  const line = testLine({
    stations: [
      station("press", { ...rise("press-1/done"), ...reader }),
      station("weld", { ...after("press"), ...rise("weld/done"), part: "weld/id" }),
    ],
  });
  await line.poll({ "press-1/done": false, "press-1/id": 100, "weld/done": false, "weld/id": null });
  await line.poll({ "press-1/done": true, "press-1/id": null });
  await line.poll({ "weld/done": true });
  expect(line.events.filter(({ event }) => event === "complete")).toMatchObject([
    { station: "press", part: "press-1", unread: true },
    { station: "weld", part: "press-1", unread: true },
  ]);
});

test("a condition that ends in the poll of the completion lets nobody begin", async () => {
  const ready = [{ tag: "welder-1/worn", is: false }];
  const line = testLine(pressAndWelder({ ready }));
  await line.poll({ "press-1/done": false, "welder-1/worn": false });
  await line.poll({ "press-1/done": true, "welder-1/worn": true });
  expect(line.story()).toEqual(["press complete press-1"]);
});

test.each(["safe", "ask"] as const)(
  "what is read in the poll of the completion confirms nothing that it lets begin (repeat: %s)",
  async (repeat) => {
    const prepare = { repeat, writes: [{ tag: "welder-1/setpoint", value: 8.6 }], publications: [] };
    const line = testLine(pressAndWelder({ prepare }));
    await line.poll({ "press-1/done": false, "welder-1/clamp": true });
    await line.poll({ "press-1/done": true, "welder-1/clamp": true });
    expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
    await line.clock.pass(50);
    await line.poll({ "press-1/done": true, "welder-1/clamp": true });
    expect(line.events.at(-1)).toMatchObject({ event: "confirmed", part: "press-1", latencyMs: 50 });
  },
);

test("an answer and the completion in one poll are the answer first", async () => {
  const line = testLine(pressAndWelder());
  await line.poll({ "welder-1/parts": 1, "welder-1/clamp": false, "press-1/done": false });
  await line.poll({ "press-1/done": true });
  await line.clock.pass(50);
  await line.poll({ "welder-1/parts": 2, "welder-1/clamp": true });
  expect(line.story().slice(2)).toEqual(["weld confirmed press-1", "weld complete press-1"]);
});

test("in whatever order the mapping has the tags of a poll, the line does the same", async () => {
  const names = ["press-1/id", "press-1/done", "welder-1/worn", "welder-1/clamp"];
  const polls = fc.array(fc.tuple(fc.nat(9), fc.boolean(), fc.boolean(), fc.boolean()), { maxLength: 12 });
  const order = fc.shuffledSubarray(names, { minLength: names.length });
  const told = async (given: readonly (readonly (number | boolean)[])[], tags: readonly string[]) => {
    const [, welder] = pressAndWelder({ ready: [{ tag: "welder-1/worn", is: false }] }).stations;
    const line = testLine({
      stations: [station("press", { ...rise("press-1/done"), ...reader }), ...(welder ? [welder] : [])],
    });
    for (const values of given) {
      await line.poll(Object.fromEntries(tags.map((tag) => [tag, values[names.indexOf(tag)] ?? null])));
      await line.clock.pass(50);
    }
    return line.events;
  };
  await fc.assert(
    fc.asyncProperty(polls, order, async (given, tags) => {
      expect(await told(given, tags)).toEqual(await told(given, names));
    }),
    { numRuns: 50 },
  );
});

test("a tag that comes twice begins another round: what each round says holds for it alone", () => {
  const reading = (tag: string, value: number) => ({ tag, value, good: true, timestamp: 0, readAt: 0 });
  const told = [
    reading("id", 1),
    reading("done", 1),
    reading("done", 0),
    reading("id", 2),
    reading("done", 1),
  ];
  const lines = rounds(told).map((round) => round.map(({ tag, value }) => `${tag} ${Number(value)}`));
  expect(lines).toEqual([["id 1", "done 1"], ["done 0", "id 2"], ["done 1"]]);
  expect(rounds([])).toEqual([]);
});

test("what was read before a request, a device's loss or the stop is decided on before it", async () => {
  const line = testLine(pressAndWelder({ within: ms(50) }));
  await line.poll({ "press-1/done": false });
  const read = line.poll({ "press-1/done": true });
  const stopped = line.service.stop();
  await read;
  await stopped;
  expect(line.story()).toEqual(["press complete press-1", "weld prepare press-1"]);
});
