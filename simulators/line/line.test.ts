import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadSite } from "../../src/config/load-site.ts";
import { defaultInput, newLine, stepLine, type LineInput, type LineState } from "./line.ts";
import { seededRandom } from "./random.ts";
import { inputFrom, stationOf, valuesOf } from "./stations.ts";

function runLine(input: LineInput, seconds: number, seed = 1): LineState[] {
  const random = seededRandom(seed);
  const states = [newLine];
  for (let elapsed = 0; elapsed < seconds; elapsed += 0.05) {
    states.push(stepLine(states.at(-1) ?? newLine, input, 0.05, random));
  }
  return states;
}

test("the same seed and input give the same line", () => {
  expect(runLine(defaultInput, 60, 4).at(-1)).toEqual(runLine(defaultInput, 60, 4).at(-1));
});

test("every pressed part is before, in or behind the welder, or with the AGV: none is lost and none made up", () => {
  for (const { made, beforeWelder, behindWelder, welder, agv } of runLine(defaultInput, 600)) {
    const inWelder = welder.phase === "waiting" ? 0 : 1;
    const carried = agv.load + agv.delivered;
    expect(beforeWelder.length + inWelder + behindWelder + carried).toBe(made + newLine.behindWelder);
  }
});

test("the welder works on the part that the press made first", () => {
  const states = runLine(defaultInput, 60);
  const ids = [...new Set(states.map(({ welder }) => welder.partId))];
  expect(ids.slice(0, 4)).toEqual(["", "P-000001", "P-000002", "P-000003"]);
});

test("the AGV carries parts away, so that the line never stops for good", () => {
  const states = runLine(defaultInput, 900);
  const last = states.at(-1) ?? newLine;
  expect(last.agv.delivered).toBeGreaterThan(100);
  expect(last.made).toBeGreaterThan(200);
});

test("a slower motor makes fewer parts, a disabled line none", () => {
  const made = (input: Partial<LineInput>) => runLine({ ...defaultInput, ...input }, 120).at(-1)?.made ?? 0;
  expect(made({ motorSetpoint: 600 })).toBeLessThan(made({}) * 0.7);
  expect(made({ enabled: false })).toBe(0);
});

test("a station is known by its tags, and each kind has values for them", () => {
  expect(stationOf(["cycle/done", "ram/pressure", "more"])).toBe("press");
  expect(stationOf(["cycle/done"])).toBeUndefined();
  expect(valuesOf(newLine, "press", 0)).toMatchObject({ "cycle/done": false, "ram/position": 320 });
  expect(valuesOf(newLine, "welder", 0)).toMatchObject({ "part/total": 12_967n });
  expect(valuesOf(newLine, "meter", 1)).toMatchObject({ "energy/total": 9_120.884 });
});

test("what nobody has written yet is at its default", () => {
  expect(inputFrom(() => undefined)).toEqual(defaultInput);
  expect(inputFrom((tag) => (tag === "motor/setpoint" ? 700 : undefined)).motorSetpoint).toBe(700);
});

test("the factory's overpressure alert is raised by a valve that sticks, never by forming, and what it writes ends it", async () => {
  const loaded = await loadSite(fileURLToPath(new URL("../../mappings/factory", import.meta.url)));
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues));
  const alert = loaded.site.alerts?.alerts.find(({ name }) => name === "press-overpressure");
  const action = alert?.actions.find(({ kind }) => kind === "write");
  if (alert?.when.kind !== "above" || action?.kind !== "write") throw new TypeError("it has another shape");
  const { limit, deadband } = alert.when;
  const highest = (states: readonly LineState[]) => Math.max(...states.map(({ press }) => press.pressure));
  expect(highest(runLine(defaultInput, 14))).toBeLessThan(limit - deadband);
  const surge = runLine(defaultInput, 30).filter(({ press }) => press.reliefStuck);
  expect(Math.min(...surge.slice(1).map(({ press }) => press.pressure))).toBeGreaterThan(limit);
  const slowed = { ...defaultInput, motorSetpoint: Number(action.value) };
  expect(highest(runLine(slowed, 60).slice(-100))).toBeLessThan(limit - deadband);
});
