import { expect, test } from "vitest";
import { toldFailures } from "./told-failures.ts";

test("what fails in a callback of a simulator is told once, and listened for no longer than it lasts", () => {
  const lines: string[] = [];
  const before = process.listeners("uncaughtException");
  const failures = toldFailures((line) => lines.push(line));
  const [onFailure] = process.listeners("uncaughtException").filter((one) => !before.includes(one));
  for (const message of ["no such event", "no such event", "another"])
    onFailure?.(new TypeError(message), "uncaughtException");
  expect(lines).toEqual([
    "A simulated device failed, the others go on: no such event",
    "A simulated device failed, the others go on: another",
  ]);
  failures[Symbol.dispose]();
  expect(process.listeners("uncaughtException")).toEqual(before);
});
