import { vi } from "vitest";

/** As long as `expect.poll` has: a busy machine is slow, not wrong, and vitest has no setting for this one. */
const patience = { timeout: 30_000 };

const waitFor = vi.waitFor.bind(vi);
vi.waitFor = async (callback, options = {}) =>
  waitFor(callback, { ...patience, ...(typeof options === "number" ? { timeout: options } : options) });
