import { expect, test } from "vitest";
import { donePulse, newPress, ratedSpeed, stepPress, type PressInput, type PressState } from "./press.ts";
import { seededRandom } from "./random.ts";

const running: PressInput = { setpoint: ratedSpeed, enabled: true, roomForPart: true };

function runPress(input: PressInput, seconds: number, from: PressState = newPress): PressState[] {
  const random = seededRandom(7);
  const states = [from];
  for (let elapsed = 0; elapsed < seconds; elapsed += 0.05) {
    states.push(stepPress(states.at(-1) ?? from, input, 0.05, random));
  }
  return states;
}

/** A press whose valve has just come free. */
const untilSurge: PressState = { ...newPress, sinceRelief: 0 };

test("a stroke goes idle, closing, pressing, opening and counts one stroke at its end", () => {
  const states = runPress(running, 3.7);
  const phases = states.map(({ phase }) => phase);
  const changes = phases.filter((phase, index) => phase !== phases[index - 1]);
  expect(changes).toEqual(["idle", "closing", "pressing", "opening", "idle"]);
  expect(states.at(-1)?.strokes).toBe(newPress.strokes + 1);
});

test("pressure builds up only while the ram stands on the part", () => {
  const states = runPress(running, 30, untilSurge);
  const pressing = states.filter(({ phase }) => phase === "pressing");
  expect(Math.max(...pressing.map(({ pressure }) => pressure))).toBeGreaterThan(170);
  expect(new Set(pressing.map(({ position }) => position))).toEqual(new Set([0]));
  for (const { pressure } of states.filter(({ phase }) => phase === "idle"))
    expect(pressure).toBeLessThan(20);
});

test("the done pulse is seen by a poll of 50 ms, and is over before the next stroke is done", () => {
  const pulses = runPress(running, 20).map(({ sinceDone }) => sinceDone < donePulse);
  const rises = pulses.filter((pulse, index) => pulse && pulses[index - 1] === false);
  const high = pulses.filter(Boolean).length;
  expect(rises.length).toBe(5);
  expect(high / rises.length).toBe(6);
});

test("a lower setpoint slows the strokes, zero stops them", () => {
  const strokes = (setpoint: number) => {
    const states = runPress({ ...running, setpoint }, 120);
    return (states.at(-1)?.strokes ?? 0) - newPress.strokes;
  };
  expect(strokes(600)).toBeLessThan(strokes(1_200) * 0.6);
  expect(strokes(0)).toBeLessThan(3);
});

test("without room for the part, or not enabled, the press ends its stroke and waits", () => {
  const midStroke = runPress(running, 1.5).at(-1) ?? newPress;
  for (const held of [
    { ...running, roomForPart: false },
    { ...running, enabled: false },
  ]) {
    const states = runPress(held, 30, midStroke);
    expect(states.at(-1)).toMatchObject({ phase: "idle", strokes: newPress.strokes + 1 });
  }
});

test("oil warms up under load and cools down at rest", () => {
  const warm = runPress({ ...running, setpoint: 1_500 }, 600).at(-1) ?? newPress;
  expect(warm.oilTemperature).toBeGreaterThan(newPress.oilTemperature + 2);
  const rested = runPress({ ...running, setpoint: 0 }, 900, warm).at(-1) ?? warm;
  expect(rested.oilTemperature).toBeLessThan(warm.oilTemperature - 2);
});

test("the stroke counter wraps as the uint32 that it is", () => {
  const before = { ...newPress, strokes: 2 ** 32 - 1 };
  expect(runPress(running, 4, before).at(-1)?.strokes).toBe(0);
});

test("a relief valve that sticks raises the pressure in every phase, above what forming takes", () => {
  const stuck = { ...newPress, reliefStuck: true, sinceRelief: 0 };
  const pressures = runPress(running, 20, stuck).slice(20);
  expect(Math.min(...pressures.map(({ pressure }) => pressure))).toBeGreaterThan(205);
  const usual = runPress(running, 40, untilSurge).map(({ pressure }) => pressure);
  expect(Math.max(...usual)).toBeLessThan(190);
});

test("where the press is slowed the pressure falls and the valve comes free; at full speed it takes far longer", () => {
  const stuck = { ...newPress, reliefStuck: true, sinceRelief: 0 };
  const slowed = runPress({ ...running, setpoint: 600 }, 20, stuck);
  expect(slowed.at(-1)).toMatchObject({ reliefStuck: false });
  expect(slowed.slice(100).every(({ pressure }) => pressure < 195)).toBe(true);
  expect(runPress(running, 20, stuck).at(-1)).toMatchObject({ reliefStuck: true });
});

test("now and then the valve sticks by itself, the first time within a minute", () => {
  const states = runPress(running, 400);
  const surges = states.filter(({ reliefStuck }, at) => reliefStuck && states[at - 1]?.reliefStuck === false);
  expect(surges).toHaveLength(2);
  expect(states.slice(0, 60 / 0.05).some(({ reliefStuck }) => reliefStuck)).toBe(true);
});
