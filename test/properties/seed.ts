import { readFileSync } from "node:fs";
import { expect } from "vitest";

/**
 * Properties are tried on the same cases in each run, so that a gate says of a change what the change did; `npm run
 * explore` tries others, and `PROPERTY_SEED` those of one seed again.
 */
const { testPath } = expect.getState();
if (testPath !== undefined && readFileSync(testPath, "utf8").includes('from "fast-check"')) {
  const { configureGlobal } = await import("fast-check");
  configureGlobal({ seed: Number(process.env["PROPERTY_SEED"] ?? 1) });
}
