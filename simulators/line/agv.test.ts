import { expect, test } from "vitest";
import { agvCapacity, newAgv, stepAgv, type AgvState } from "./agv.ts";
import { seededRandom } from "./random.ts";

/** Runs until `until` holds, or for ten minutes. */
function runAgv(ready: number, until: (agv: AgvState) => boolean, from: AgvState = newAgv): AgvState {
  const random = seededRandom(5);
  let agv = from;
  for (let elapsed = 0; elapsed < 600 && !until(agv); elapsed += 0.05) {
    agv = stepAgv(agv, ready, 0.05, random).state;
  }
  return agv;
}

test("it drives to the welder, loads until it is full, and delivers to the store", () => {
  const there = runAgv(0, ({ task }) => task === "waiting");
  expect(there).toMatchObject({ x: 12.4, y: 3.1, speed: 0, lastStop: "weld-out" });
  const loaded = stepAgv(there, agvCapacity + 4, 0.05, seededRandom(1));
  expect(loaded).toMatchObject({
    taken: agvCapacity,
    state: { task: "driving", stop: "store", load: agvCapacity },
  });
  const delivered = runAgv(0, (agv) => agv.delivered > 0, loaded.state);
  expect(delivered).toMatchObject({ delivered: agvCapacity, load: 0, task: "driving", stop: "weld-out" });
});

test("it waits at the welder with what it has until it is full", () => {
  const there = runAgv(0, ({ task }) => task === "waiting");
  const step = stepAgv(there, 2, 0.05, seededRandom(1));
  expect(step).toMatchObject({ taken: 2, state: { task: "waiting", load: 2 } });
});

test("driving drains the battery, and a low one is charged before the next round", () => {
  const low: AgvState = { ...newAgv, task: "unloading", stop: "store", unloading: 1, charge: 24 };
  const charging = runAgv(0, ({ task }) => task === "charging", low);
  expect(charging.charge).toBeLessThan(24);
  const charged = runAgv(0, ({ task }) => task !== "charging", charging);
  expect(charged).toMatchObject({ task: "driving", stop: "weld-out" });
  expect(charged.charge).toBeGreaterThanOrEqual(80);
});

test("it brakes before its stop and never drives past it", () => {
  const random = seededRandom(9);
  let agv = newAgv;
  let fastest = 0;
  while (agv.task === "driving") {
    const next = stepAgv(agv, 0, 0.05, random).state;
    expect(Math.hypot(next.x - 12.4, next.y - 3.1)).toBeLessThanOrEqual(
      Math.hypot(agv.x - 12.4, agv.y - 3.1),
    );
    expect(Math.hypot(next.x - agv.x, next.y - agv.y)).toBeCloseTo(next.speed * 0.05, 1);
    fastest = Math.max(fastest, next.speed);
    agv = next;
  }
  expect(fastest).toBeGreaterThan(1.4);
});
