import { expect, test } from "vitest";
import type { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { deviceAt, press, running, simulated } from "./testing.ts";

const tags = { pressure: { node: press("Pressure") } };

/** Names with what matters of them, in the order in which they came. */
function told(context: RecordingContext): unknown[] {
  return context.events.map(({ name, data }) => [name, data["active"], data["refreshed"] ?? false]);
}

function warnings(context: RecordingContext): string[] {
  return context.logged.filter(({ level }) => level === "warn").map(({ message }) => message);
}

test("conditions that stood before the connection are told with it, and what frames them is not", async () => {
  const simulator = await simulated();
  simulator.line.alarm(true);
  simulator.line.alarm(true, "LowOil");
  simulator.line.alarm(false, "LowOil");
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options: { events: [{}] } }));
  await expect.poll(() => told(context)).toEqual([["alarm/Overheat", true, true]]);
  simulator.line.alarm(true, "LowOil");
  await expect
    .poll(() => told(context))
    .toEqual([
      ["alarm/Overheat", true, true],
      ["alarm/LowOil", true, false],
    ]);
  expect(warnings(context)).toEqual([]);
  const traced = context.frames.filter(({ channel }) => channel === "Event");
  expect(traced.map(({ frame }) => JSON.parse(Buffer.from(frame).toString()) as unknown)).toMatchObject([
    { condition: "Overheat", active: true },
    { condition: "LowOil", active: true },
  ]);
});

test("of two sources each tells its own standing conditions, at its own severity", async () => {
  const simulator = await simulated();
  simulator.line.alarm(true);
  simulator.line.alarm(true, "LowOil");
  const events = [{ severity: 500 }, { severity: 1 }];
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options: { events } }));
  const sorted = () => told(context).map(String).sort();
  await expect
    .poll(sorted)
    .toEqual(["alarm/LowOil,true,true", "alarm/Overheat,true,true", "alarm/Overheat,true,true"]);
});

test("after a lost subscription the next connection tells what stands then", async () => {
  const simulator = await simulated();
  const device = deviceAt(simulator.endpoint, tags, { options: { events: [{}] } });
  const first = await running(device);
  await expect.poll(() => first.context.latest.size).toBe(1);
  simulator.loseSubscriptions();
  await first.ended;
  simulator.line.alarm(true);
  expect(told(first.context)).toEqual([]);
  const second = await running(device);
  await expect.poll(() => told(second.context)).toEqual([["alarm/Overheat", true, true]]);
});

test("a server that asks for a refresh is asked for its conditions again", async () => {
  const simulator = await simulated();
  simulator.line.alarm(true);
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options: { events: [{}] } }));
  const stands = ["alarm/Overheat", true, true];
  await expect.poll(() => told(context)).toEqual([stands]);
  simulator.line.requireRefresh();
  await expect.poll(() => told(context)).toEqual([stands, stands]);
});

test("a server that takes no ConditionRefresh is said so once, and goes on telling changes", async () => {
  const simulator = await simulated({ refusesRefresh: true });
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options: { events: [{}] } }));
  const said = [
    "the server takes no ConditionRefresh (BadMethodInvalid): alarms that stood before this connection are heard of when they change",
  ];
  await expect.poll(() => warnings(context)).toEqual(said);
  simulator.line.requireRefresh();
  simulator.line.alarm(true);
  await expect.poll(() => told(context)).toEqual([["alarm/Overheat", true, false]]);
  await expect.poll(() => context.requests.get("call")).toBe(2);
  expect(warnings(context)).toEqual(said);
});
