import { expect, test } from "vitest";
import type { Clock } from "../../src/adapter-kit/index.ts";
import { ProbeShare } from "./probe-share.ts";

const never = new AbortController().signal;

function steppedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    monotonic: () => now,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      now += ms;
    },
  };
}

test("silent units together take a tenth of a bus that others use", async () => {
  const clock = steppedClock();
  const share = new ProbeShare(clock);
  const turns: number[] = [];
  for (const costMs of [500, 500, 200, 500]) {
    await share.turn(costMs, () => true, never);
    turns.push(clock.monotonic());
  }
  expect(turns).toEqual([0, 5_000, 10_000, 12_000]);
});

test("a turn that was answered, and a bus that nobody else uses, cost no wait", async () => {
  const clock = steppedClock();
  const share = new ProbeShare(clock);
  await share.turn(500, () => true, never);
  share.giveBack();
  await share.turn(500, () => true, never);
  await share.turn(500, () => false, never);
  expect(clock.monotonic()).toBe(0);
});

test("an abort ends the wait", async () => {
  const share = new ProbeShare(steppedClock());
  await share.turn(500, () => true, never);
  await expect(share.turn(500, () => true, AbortSignal.abort())).rejects.toMatchObject({
    name: "AbortError",
  });
});
