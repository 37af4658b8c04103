import { defineConfig } from "vitest/config";
import { SkipReporter } from "./skip-reporter.ts";

export default defineConfig({
  test: {
    include: ["{src,adapters,simulators,bin,test}/**/*.test.ts"],
    pool: "forks",
    // Most tests wait for something most of the time: sockets, processes, timeouts. One worker a core leaves it idle.
    maxWorkers: 4,
    // A busy machine is slow, not wrong: what is waited for gets as long as it may take.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 30_000 } },
    setupFiles: ["test/patience.ts", "test/properties/seed.ts"],
    reporters: ["default", new SkipReporter()],
  },
});
