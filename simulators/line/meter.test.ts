import { expect, test } from "vitest";
import { newMeter, stepMeter } from "./meter.ts";
import { seededRandom } from "./random.ts";

test("energy is the power over time, and currents fit power, voltage and power factor", () => {
  const random = seededRandom(2);
  let meter = newMeter(1_000);
  for (let elapsed = 0; elapsed < 360; elapsed += 0.05) meter = stepMeter(meter, 30, 0.05, random);
  expect(meter.energy).toBeCloseTo(1_000 + 30 * 100, -2);
  const apparent = meter.voltage.map((volts, index) => volts * (meter.current[index] ?? 0));
  const active = apparent.reduce((sum, power) => sum + power, 0) * meter.powerFactor;
  expect(active / 1_000).toBeCloseTo(meter.power, 1);
  expect(meter.frequency).toBeCloseTo(50, 0);
});
