import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { simulateSite } from "../../simulators/site/simulate-site.ts";
import { loadSite } from "../../src/config/load-site.ts";

const mappings = join(import.meta.dirname, "../../mappings");
test("each device of mappings/vehicle is simulated", async () => {
  const loaded = await loadSite(join(mappings, "vehicle"));
  if (!loaded.ok) throw new Error("mappings/vehicle has mistakes");
  const simulation = await simulateSite(loaded.site, { ports: "free" });
  onTestFinished(() => simulation.stop());
  expect(simulation.devices.map(({ mapping }) => mapping.device).sort()).toEqual([
    "battery",
    "cooling",
    "drive-unit",
    "temperatures",
    "tyres",
  ]);
});
