import { expect, test } from "vitest";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { SingleFlight } from "./single-flight.ts";

test("a job that fails is told, and the jobs after it get their turn", async () => {
  const context = new RecordingContext();
  const flights = new SingleFlight("camera-1", context);
  const done: number[] = [];
  const failing = Promise.withResolvers<void>();
  expect(flights.run(() => failing.promise)).toBe(true);
  expect(flights.run(async () => void done.push(1))).toBe(true);
  expect(flights.run(async () => void done.push(2))).toBe(false);
  failing.reject(new TypeError("no such thing"));
  await expect.poll(() => done).toEqual([1]);
  expect(context.faults.get("overrun")).toBe(1);
  expect(context.logged).toMatchObject([{ level: "error", message: /no such thing/ }]);
  expect(flights.run(async () => void done.push(3))).toBe(true);
  await expect.poll(() => done).toEqual([1, 3]);
});
