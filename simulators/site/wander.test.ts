import fc from "fast-check";
import { expect, test } from "vitest";
import { tagOf } from "../../adapters/modbus/mapping-fixture.ts";
import { seededRandom } from "../line/random.ts";
import type { SimulatedTag } from "./simulated-device.ts";
import { wanderOf } from "./wander.ts";

function tagNamed(
  name: string,
  type: string,
  unit?: string,
  write?: { min: number; max: number },
): SimulatedTag {
  const address = type === "bool" ? "coil:0" : "holding:0";
  const common = write === undefined ? { name } : { name, write: { ...write, options: {} } };
  const mapping = tagOf({ address, type }, common);
  return { name, mapping: unit === undefined ? mapping : { ...mapping, unit } };
}

function values(tag: SimulatedTag, seconds: number, seed = 1) {
  const wander = wanderOf(tag, seededRandom(seed));
  return Array.from({ length: seconds * 4 }, (_, quarter) => wander(quarter / 4));
}

test("a value stays in the usual range of its unit, and moves", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const numbers = values(tagNamed("tank/temperature", "float32", "°C"), 120, seed).map(Number);
      expect(Math.min(...numbers)).toBeGreaterThan(15);
      expect(Math.max(...numbers)).toBeLessThan(85);
      expect(Math.max(...numbers) - Math.min(...numbers)).toBeGreaterThan(5);
    }),
    { numRuns: 20 },
  );
});

test("a counter never steps back", () => {
  const counts = values(tagNamed("strokes/total", "uint32"), 60).map(Number);
  expect(counts).toEqual([...counts].sort((a, b) => a - b));
  expect(counts.at(-1)).toBeGreaterThan(counts[0] ?? 0);
});

test("a bool is on and off by turns; an alarm seldom", () => {
  const share = (name: string) => {
    const bools = values(tagNamed(name, "bool"), 400);
    return bools.filter(Boolean).length / bools.length;
  };
  expect(share("pump/running")).toBeGreaterThan(0.2);
  expect(share("pump/running")).toBeLessThan(0.8);
  expect(share("pump/alarm")).toBeLessThan(0.1);
});

test("a text and a tag that may be written to stand still, the latter within its limits", () => {
  expect(new Set(values(tagNamed("part/id", "string(6)"), 10))).toEqual(new Set(["part-i"]));
  const setpoint = values(tagNamed("motor/setpoint", "uint16", "rpm", { min: 100, max: 200 }), 10);
  expect(new Set(setpoint)).toEqual(new Set([160]));
});

test("a narrow type is never left", () => {
  const numbers = values(tagNamed("odd", "bcd16", "Pa"), 60).map(Number);
  expect(Math.max(...numbers)).toBeLessThanOrEqual(9_999);
});
