import { expect, test } from "vitest";
import { seededRandom } from "./random.ts";
import { newWelder, spotsPerPart, stepWelder, type WelderInput, type WelderState } from "./welder.ts";

const fed: WelderInput = { nextPart: "P-000001", roomForPart: true, currentSetpoint: 8.6 };

function runWelder(input: WelderInput, seconds: number, from: WelderState = newWelder) {
  const random = seededRandom(3);
  const states = [from];
  let took = 0;
  let finished = 0;
  for (let elapsed = 0; elapsed < seconds; elapsed += 0.05) {
    const step = stepWelder(states.at(-1) ?? from, input, 0.05, random);
    states.push(step.state);
    took += Number(step.took);
    finished += Number(step.finished);
  }
  return { states, took, finished, last: states.at(-1) ?? from };
}

test("a part is taken once, gets its spots, and is counted when it is finished", () => {
  const { took, last } = runWelder(fed, 3.4);
  const done = runWelder({ ...fed, nextPart: undefined }, 1, last);
  expect(took).toBe(1);
  expect(done.finished).toBe(1);
  expect(done.last.welds).toBe(newWelder.welds + spotsPerPart);
  expect(done.last.parts).toBe(newWelder.parts + 1n);
  expect(done.last.partId).toBe("P-000001");
});

test("current and voltage are there while it welds, and only then", () => {
  const [hot, cold] = [true, false].map((welding) =>
    runWelder(fed, 20).states.filter(({ phase }) => (phase === "welding") === welding),
  );
  expect(Math.min(...(hot ?? []).map(({ current }) => current))).toBeGreaterThan(8);
  expect(Math.min(...(hot ?? []).map(({ voltage }) => voltage))).toBeGreaterThan(1);
  expect(new Set(cold?.flatMap(({ current, voltage }) => [current, voltage]))).toEqual(new Set([0]));
});

test("it waits without a part, and without room behind it", () => {
  for (const input of [
    { ...fed, nextPart: undefined },
    { ...fed, roomForPart: false },
  ]) {
    expect(runWelder(input, 5)).toMatchObject({ took: 0, last: { phase: "waiting" } });
  }
});

test("each spot wears the electrode, and worn caps are dressed", () => {
  expect(runWelder(fed, 60).last.wear).toBeGreaterThan(newWelder.wear + 1);
  const worn = runWelder(fed, 2, { ...newWelder, wear: 100 });
  expect(worn.last.wear).toBeLessThan(1);
});
