import { expect, test } from "vitest";
import { phaseOf } from "./phase.ts";

test("a line's devices spread over the poll interval", () => {
  const phases = Array.from({ length: 40 }, (_, i) => phaseOf(`press-${i}`));
  const quarters = [0, 0, 0, 0];
  for (const phase of phases) {
    expect(phase).toBeGreaterThanOrEqual(0);
    expect(phase).toBeLessThan(1);
    quarters[Math.floor(phase * 4)] = (quarters[Math.floor(phase * 4)] ?? 0) + 1;
  }
  expect(Math.min(...quarters)).toBeGreaterThanOrEqual(4);
});

test("a device's phase depends on its name alone", () => {
  expect(phaseOf("press-1")).toBe(phaseOf("press-1"));
  expect(phaseOf("press-1")).not.toBe(phaseOf("press-2"));
});
