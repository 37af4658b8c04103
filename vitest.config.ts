import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["{src,adapters,simulators,bin,test}/**/*.test.ts"],
    pool: "forks",
    testTimeout: 15_000,
    hookTimeout: 15_000,
    reporters: ["default"],
  },
});
