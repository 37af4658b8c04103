import { defineConfig } from "vitest/config";
import { SkipReporter } from "./skip-reporter.ts";

export default defineConfig({
  test: {
    include: ["{src,adapters,simulators,bin,test}/**/*.test.ts"],
    pool: "forks",
    // Most tests wait for something most of the time: sockets, processes, timeouts. One worker a core leaves it idle.
    maxWorkers: 4,
    testTimeout: 15_000,
    hookTimeout: 15_000,
    // A busy machine is slow, not wrong: what is polled for gets as long as it may take.
    expect: { poll: { timeout: 5_000 } },
    setupFiles: ["test/patience.ts", "test/properties/seed.ts"],
    reporters: ["default", new SkipReporter()],
  },
});
